"""Right answers beside pictures: labels.csv."""

import csv
import re
from pathlib import Path

from pipeline.system.errors import InputError

LABELS_NAME = "labels.csv"


def read_labels(path: Path) -> dict[str, str]:
    """Read the right answers, by file, from a CSV file with the columns file and label.

    A row without a label says nothing of its picture.

    Raises:
        InputError: The file has other columns, is no text, or says two things of one file.
    """
    if not path.exists() and not path.is_symlink():
        return {}
    if not path.is_file():
        raise InputError(f"{path}: not a file; put a table there, or nothing")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if not {"file", "label"} <= set(table.fieldnames or ()):
                raise InputError(f"{path}: needs the columns file,label, with a comma between")
            return _by_file(table, path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; save it as that") from error
    except csv.Error as error:
        raise InputError(f"{path}: not a table of file,label ({error})") from error


def _by_file(table: "csv.DictReader[str]", path: Path) -> dict[str, str]:
    labels: dict[str, str] = {}
    for row in table:
        if not "".join(text for text in row.values() if isinstance(text, str)).strip():
            continue
        if not row["file"] or row["label"] is None or any(row.get(None) or ()):
            raise InputError(f"{path}, line {table.line_num}: needs as many values as line 1")
        file, label = row["file"].strip(), _whole(row["label"].strip())
        if label and labels.setdefault(file, label) != label:
            raise InputError(f"{path}: {file} has two labels, {labels[file]} and {label}; keep one")
    return labels


def _whole(label: str) -> str:
    """Take the ".0" off that a table with gaps in its numbers has, as pandas writes it."""
    return label.removesuffix(".0") if re.fullmatch(r"\d+\.0", label) else label
