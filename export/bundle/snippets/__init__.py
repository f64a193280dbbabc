"""Code that runs the delivered files on a photo or a text, written from the manifest alone."""

from export.bundle.snippets.generate import PREPROCESS, companions, snippets
from export.bundle.snippets.snippet import Snippet

__all__ = ["PREPROCESS", "Snippet", "companions", "snippets"]
