"""The sentence about a model file that Keras cannot load."""

from __future__ import annotations

from pathlib import Path

_UNKNOWN = ("Could not locate class", "Unknown layer")


def lambda_refusal(path: Path) -> str:
    """Return the sentence about a file with a Lambda layer."""
    return (
        f"{path.name} contains Python code (a Lambda layer), which is not run from a file; replace the Lambda by a "
        "built-in layer and save the model again, or type --unsafe-lambda if you trust the file"
    )


def load_failure(path: Path, error: Exception, keras: str = "Keras 3") -> str:
    """Return the sentence about a failure of `keras` to load a file."""
    text = " ".join(str(error).split())
    if "lambda" in text.lower() or "unsafe" in text.lower():
        return lambda_refusal(path)
    for words in _UNKNOWN:
        if words in text and "'" in text.split(words, 1)[1]:
            name = text.split(words, 1)[1].split("'")[1]
            return (
                f"{path.name} needs the custom layer {name!r}, whose code is not in the file; type --import FILE.py "
                "with the file that defines it, or build the model in Python and call export.run there (docs/python.md)"
            )
    return f"{path.name} cannot be loaded as a {keras} model: {text[:300]}"
