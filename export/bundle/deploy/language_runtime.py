"""A runtime of language models that loads a delivered file together with files of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from export.bundle import generate, given
from export.bundle.deploy.target import README, Contents, Files, of_precision
from export.bundle.read import Delivered, DeliveredFile
from export.progress import Progress
from export.recipe import Io, Recipe
from export.runtime import background
from export.runtime.jobs.cache_size import cache_size
from export.scheme import Scheme
from zoo import inputs
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.inputs import Tokens
from zoo.language.decoder import CacheSize
from zoo.language.tokenizer import Tokenizer

# The byte 255, as tokenizers of bytes and those with bytes as their last resort write it.
NO_TEXT = ("ÿ", "<0xFF>")


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """A delivered file that continues texts, with what a runtime must know about it.

    Attributes:
        name: of the model.
        file: the model file.
        scheme: its precision.
        tokenizer: the file of its tokenizer.
        vocabulary: number of tokens.
        cache: sizes of its cache.
        begin: number of the token in front of every text; None if texts begin without one.
        end: number of the token that ends a text, or of one that no text contains.
    """

    name: str
    file: Path
    scheme: Scheme
    tokenizer: Path
    vocabulary: int
    cache: CacheSize
    begin: int | None
    end: int


@dataclass(frozen=True, kw_only=True)
class LanguageRuntime:
    """A runtime that loads a delivered file of a language model.

    Attributes:
        name: as typed after `--target`.
        title: of the runtime, with the version that was tried.
        format: name of the format that it loads.
        files: paths in the folder of the target -> contents.
        readme: what to install and to type, in Markdown; FOLDER stands for the name of the folder.
        io: the type of inputs and outputs that suits it; None if all do.
    """

    name: str
    title: str
    format: str
    files: Callable[[LanguageModel], Files]
    readme: Callable[[LanguageModel], str]
    io: Io | None = None

    def refusal(self, recipe: Recipe) -> str:
        """Return why no file of a recipe would run there; empty if one may."""
        if recipe.formats and self.format not in recipe.formats:
            return f"{self.title} loads .{self.format} files; add --format {self.format}"
        return ""

    def fetch(self) -> None:
        """Fetch nothing: all files are made here."""

    def contents(self, delivered: Delivered, precision: str | None, folder_name: str, progress: Progress) -> Contents:
        """Return the smallest file that the runtime loads, with what it needs beside it.

        Raises:
            UsageProblemError: the folder has no file that the runtime loads.
            CheckFailedError: a file differs from the exported one, or failed its proof.
        """
        source = self._choose(delivered, precision)
        model = _language_model(delivered, source, progress)
        readme = f"# {model.name} for {self.title}\n\n{self.readme(model).replace('FOLDER', folder_name)}"
        return Contents(sources=(source,), files={**self.files(model), README: readme.encode()})

    def _choose(self, delivered: Delivered, precision: str | None) -> DeliveredFile:
        if delivered.task != generate.TASK:
            raise UsageProblemError(f"{self.title} runs models that continue texts; {delivered.name} does not")
        loaded = [file for file in delivered.files if file.format == self.format]
        if not loaded:
            raise UsageProblemError(
                f"{self.title} loads .{self.format} files, and {delivered.folder} has none; export without --format"
            )
        named = of_precision(delivered, loaded, precision, f".{self.format}")
        source = min(named, key=lambda file: file.size_bytes)
        if source.data:
            raise UsageProblemError(
                f"{source.path.name} keeps its weights in a second file, which zoo pack does not copy; copy both files "
                f"from {delivered.folder} by hand"
            )
        if source.failures:
            raise CheckFailedError(f"{source.path} failed its proof: {source.failures[0]}; choose another --precision")
        return source


def _language_model(delivered: Delivered, file: DeliveredFile, progress: Progress) -> LanguageModel:
    tokenizer = given.tokenizer(delivered)
    sizes = background.start(cache_size, progress, path=str(file.path.absolute()))
    first = tokenizer.ids("")
    return LanguageModel(
        name=delivered.name,
        file=file.path,
        scheme=file.scheme,
        tokenizer=delivered.folder / inputs.tokenizer_of(delivered.inputs),
        vocabulary=next(one.vocabulary for one in delivered.inputs.values() if isinstance(one, Tokens)),
        cache=CacheSize(**sizes),
        begin=first[0] if first else None,
        end=_end(tokenizer, delivered),
    )


def _end(tokenizer: Tokenizer, delivered: Delivered) -> int:
    """Return the number of the token that ends a text; without one, of a byte that no text in UTF-8 contains."""
    for token in (*generate.ENDS, *NO_TEXT):
        if (number := tokenizer.number(token)) is not None:
            return number
    raise UsageProblemError(f"the tokenizer of {delivered.name} has no token that ends a text, which runtimes require")
