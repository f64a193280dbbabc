"""ONNX Runtime's quantizer of 4-bit blocks, by default settings: `python matmul_nbits.py FLOAT.onnx OUT.onnx`."""

from __future__ import annotations

import sys

BLOCK = 32  # weights with a scale of their own, as in our files


def main(source: str, out: str) -> None:
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    tool = MatMulNBitsQuantizer(onnx.load(source), block_size=BLOCK, is_symmetric=True)
    tool.process()
    tool.model.save_model_to_file(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
