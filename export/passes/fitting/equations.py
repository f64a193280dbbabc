"""Equations of EinsumDense layers that are the product of input rows and one matrix."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MatrixProduct:
    """An equation such as "abcd,cde->abe", with the kernel (c, d, e) as a matrix of c * d inputs and e outputs.

    Attributes:
        joined: number of the input's last axes that are the inputs of the matrix.
        outputs: letters of the kernel's axes that are its outputs.
    """

    joined: int
    outputs: str


def matrix_product(equation: str) -> MatrixProduct | None:
    """Return the matrix product of an equation; None if it is another product, or its axes have another order."""
    given, _, result = equation.replace(" ", "").replace("...", ".").partition("->")
    rows, _, kernel = given.partition(",")
    outputs = "".join(letter for letter in kernel if letter not in rows)
    inputs = kernel.removesuffix(outputs)
    free = rows.removesuffix(inputs)
    if not (inputs and outputs and free) or kernel != inputs + outputs or rows != free + inputs:
        return None
    return MatrixProduct(joined=len(inputs), outputs=outputs) if result == free + outputs else None
