"""Every page is listed in the index, every link leads somewhere, and every command in a page can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import zoo
from export.cli.main import load_command

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "artifacts/README.md")),
    *sorted(DOCS.glob("*.md")),
    *(ROOT / f"zoo/cards/{name}.md" for name in zoo.names()),
]
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Behind what a command does to its output or in another folder: no part of it.
SHELL = re.compile(r"\s(?:#|\||>|&&|;).*")


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_lists_every_page_once_with_a_sentence() -> None:
    lines = re.findall(r"^- \[([\w.]+)\]\((.*?)\): \S.*\.$", (DOCS / "README.md").read_text(), re.MULTILINE)
    pages = [page.name for page in DOCS.glob("*.md") if page.stem != "README"]
    assert sorted(title for title, _ in lines) == sorted(pages)
    assert all(title == target for title, target in lines)


@by_page
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the commands of the blocks of code of a page, as words."""
    text = re.sub(r" \\\n\s+", " ", page.read_text(encoding="utf-8"))
    blocks = [*FENCED.findall(text), *re.findall(r"^ {4}\S.*$", FENCED.sub("", text), re.MULTILINE)]
    for line in "\n".join(blocks).splitlines():
        found = re.match(r"\s*(?:\$ )?(zoo-export|zoo) (.*)", line)
        if found and "..." not in line:
            yield [found[1], *shlex.split(SHELL.sub("", found[2] + " "))]


def complaint(words: list[str]) -> str | None:
    """Return what is wrong with the options and the number of arguments of a command."""
    program, *rest = words
    if program == "zoo-export":
        rest = ["export", *rest]
    if not rest or rest[0].startswith("-"):
        return None
    try:
        load_command(rest[0]).make_context(rest[0], rest[1:])
    except click.exceptions.Exit:  # --help
        return None
    except click.ClickException as error:
        if error.format_message().endswith("does not exist."):  # a file of the reader
            return None
        return f"{' '.join(words)}: {error.format_message()}"
    return None


@by_page
def test_every_command_of_a_page_has_options_that_exist(page: Path) -> None:
    assert [said for words in commands(page) if (said := complaint(words))] == []


def test_the_readme_and_the_tutorials_have_commands() -> None:
    assert len(list(commands(ROOT / "README.md"))) >= 4
    assert len(list(commands(DOCS / "your_photos.md"))) >= 5
    assert len(list(commands(DOCS / "coming_from.md"))) >= 7
