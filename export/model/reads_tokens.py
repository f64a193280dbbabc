"""Whether a model reads text: weights of 4 bits are for such models alone."""

from __future__ import annotations

from collections.abc import Mapping

import zoo
from export.model import entries
from export.model.subject import Subject
from export.recipe import Recipe
from export.scheme import INT4
from zoo.errors import UsageProblemError
from zoo.inputs import Input, Tokens


def check_name(recipe: Recipe) -> None:
    """Refuse weights of 4 bits of a network of the zoo that reads no text, before it is built.

    Raises:
        UsageProblemError: the network reads no text.
    """
    if INT4 in recipe.schemes and recipe.model in zoo.names():
        architecture = zoo.find(recipe.model)
        if not _has_tokens(architecture.inputs(**architecture.settings(recipe.options))):
            raise _refusal(recipe)


def check(recipe: Recipe, subject: Subject) -> None:
    """Refuse weights of 4 bits of any model whose inputs are neither tokens nor other integers.

    Raises:
        UsageProblemError: the model reads no text.
    """
    reads_integers = any(spec.dtype.startswith("int") for spec in entries.inputs(subject))
    if INT4 in recipe.schemes and not reads_integers and not _has_tokens(subject.inputs):
        raise _refusal(recipe)


def _has_tokens(inputs: Mapping[str, Input]) -> bool:
    return any(isinstance(one, Tokens) for one in inputs.values())


def _refusal(recipe: Recipe) -> UsageProblemError:
    return UsageProblemError(
        f"{INT4} is for networks that read text, and {recipe.model} reads none; "
        f"type for example zoo export {recipe.model} --int8"
    )
