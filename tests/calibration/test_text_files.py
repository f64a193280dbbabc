"""Texts of a .txt or a .csv: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration import text_files
from calibration.class_words import class_indices
from zoo.errors import UsageProblemError


def written(folder: Path, content: str | bytes, name: str = "texts.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_texts_keep_their_commas_quotes_and_lines(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeffid,text,class\n1," one, ""two""\nthree ",good\n2,four,bad\n')
    assert text_files.labelled(path) == [('one, "two"\nthree', "good"), ("four", "bad")]
    assert text_files.texts(path) == ['one, "two"\nthree', "four"]
    assert text_files.is_table(path)


def test_texts_without_classes_are_enough_where_no_class_is_needed(tmp_path: Path) -> None:
    assert text_files.texts(written(tmp_path, "text\none\ntwo\n")) == ["one", "two"]
    assert text_files.texts(written(tmp_path, "one\n\n two \n", "texts.txt")) == ["one", "two"]


def test_the_column_of_classes_may_be_called_label(tmp_path: Path) -> None:
    assert text_files.labelled(written(tmp_path, "label,text\ngood,one\n")) == [("one", "good")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "needs the columns text and class and a row per text .has: none"),
        ("review,class\na,b\n", "needs the columns text and class and a row per text .has: review, class"),
        ("text,stars\na,b\n", "needs the columns text and class and a row per text .has: text, stars"),
        ("text,class\n", "holds no text"),
        ("text,class,text\na,b,c\n", "has two columns text"),
        ('text,class\na,b\n"c,d\n' + "e" * 200_000, "behind line 2: .* perhaps a quote is not closed"),
        ("text,class\na,good\n  ,bad\n", "line 3: the text is empty"),
        ("text,class\na,good\nb\n", "line 3: the class is empty"),
        ("text,class\na,\x1b[31m\n", "line 2: the class .* unprintable"),
        (b"text,class\na\xff,good\n", "not text in UTF-8"),
        (b"text,class\n" + b"a" * 200_000 + b",good\n", "field larger than"),
    ],
)
def test_other_tables_of_texts_are_refused(content: str | bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match=words):
        text_files.labelled(written(tmp_path, content))


def test_a_table_of_photos_or_numbers_is_no_table_of_texts(tmp_path: Path) -> None:
    assert not text_files.is_table(written(tmp_path, "file,text,class\na.jpg,words,good\n"))
    assert not text_files.is_table(written(tmp_path, "a,b\n1,2\n"))
    assert not text_files.is_table(written(tmp_path, "text\n", "texts.txt"))
    assert not text_files.is_table(tmp_path / "none.csv")


def test_classes_that_are_called_like_numbers_are_found_by_name() -> None:
    assert class_indices({"5", "1"}, classes=5, labels=("1", "2", "3", "4", "5")) == {"1": 0, "5": 4}
    assert class_indices({"0", "1"}, classes=2, labels=("bad", "good")) == {"0": 0, "1": 1}
    with pytest.raises(UsageProblemError, match="'0'"):  # not the index of "1"
        class_indices({"0", "1"}, classes=5, labels=("1", "2", "3", "4", "5"))
