"""The labels of pictures in labels.csv, and whether an answer matches its label."""

import csv
import logging
import posixpath
import re
from collections.abc import Mapping, Set
from pathlib import Path

from pipeline.system.errors import InputError

log = logging.getLogger(__name__)

LABELS_NAME = "labels.csv"


def read_labels(path: Path) -> dict[str, str]:
    """Read the label of each file from a CSV file with the columns file and label.

    Files are named relative to the table, with or without "./" in front. A row with an empty label
    is skipped; a missing CSV file holds no labels.

    Raises:
        InputError: The file lacks a column or a value, is not UTF-8 text, or gives one picture two
            labels.
    """
    if not path.exists() and not path.is_symlink():
        return {}
    if not path.is_file():
        raise InputError(f"{path}: not a file; replace it with a table, or remove it")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if not {"file", "label"} <= set(table.fieldnames or ()):
                raise InputError(f"{path}: needs the columns file,label, with a comma between")
            return _by_file(table, path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from error
    except csv.Error as error:
        raise InputError(f"{path}: not a table of file,label ({error})") from error


def usable_labels(given: Mapping[str, str], names: Set[str], *, single: bool) -> dict[str, str]:
    """Return the labels that an answer can match; warn about the others, which are not counted.

    Args:
        given: The labels by file, as read from the table.
        names: The files of the pictures that are there.
        single: Whether a label must be a single digit.
    """
    numbers = {file: plain_number(label, single=single) for file, label in given.items()}
    labels = {file: number for file, number in numbers.items() if number is not None}
    foreign = {file for file in labels if not given[file].isascii()} & names
    wanted = "digit" if single else "number"
    for what, files in (
        ("name a missing picture", given.keys() - names),
        (f"have a label that is no {wanted}", (given.keys() - labels.keys()) & names),
    ):
        _warn_of(f"that {what} and are not counted", files, given)
    _warn_of("whose label is in another script, read as 0 to 9", foreign, given)
    return labels


def plain_number(label: str, *, single: bool) -> str | None:
    """Return a label in the digits 0 to 9, whatever script it is in; None if it is no number.

    Args:
        label: As read from the table. Blanks between its digits stay.
        single: Whether it must be a single digit; zeros in front of it are removed.
    """
    digits = "".join(label.split())
    if not digits.isdecimal():
        return None
    if single:
        return str(int(digits)) if int(digits) < 10 else None
    return "".join(str(int(each)) if each.isdecimal() else each for each in label)


def same_number(answer: object, label: str) -> bool:
    """Return whether an answer equals a label, apart from blanks between digits and lines."""
    return "".join(str(answer).split()) == "".join(label.split())


def _by_file(table: "csv.DictReader[str]", path: Path) -> dict[str, str]:
    labels: dict[str, str] = {}
    for row in table:
        if not "".join(text for text in row.values() if isinstance(text, str)).strip():
            continue
        if not row["file"] or row["label"] is None or any(row.get(None) or ()):
            raise InputError(f"{path}, line {table.line_num}: needs as many values as line 1")
        file, label = posixpath.normpath(row["file"].strip()), _whole(row["label"].strip())
        if label and labels.setdefault(file, label) != label:
            raise InputError(f"{path}: {file} has two labels, {labels[file]} and {label}; keep one")
    return labels


def _whole(label: str) -> str:
    """Remove the ".0" that pandas writes after whole numbers in a column with gaps."""
    return label.removesuffix(".0") if re.fullmatch(r"\d+\.0", label) else label


def _warn_of(what: str, files: Set[str], given: Mapping[str, str]) -> None:
    if files:
        shown = _shown(min(files), given)
        log.warning("%s: rows %s: %d, such as %s", LABELS_NAME, what, len(files), shown)


def _shown(file: str, given: Mapping[str, str]) -> str:
    return f"{file},{' '.join(given[file].split())}"
