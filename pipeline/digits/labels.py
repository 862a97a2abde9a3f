"""Right answers beside pictures: labels.csv."""

import csv
from collections.abc import Iterable
from pathlib import Path

from pipeline.digits.errors import InputError

LABELS_NAME = "labels.csv"


def read_labels(path: Path) -> dict[str, str]:
    """Read the right answers, by file, from a CSV file with the columns file and label.

    Raises:
        InputError: The file has other columns, is no text, or says two things of one file.
    """
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if not {"file", "label"} <= set(table.fieldnames or ()):
                raise InputError(f"{path}: needs the columns file,label, with a comma between")
            return _by_file(table, path)
    except (AttributeError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: needs two values in every row, as UTF-8 text") from error


def _by_file(table: Iterable[dict[str, str]], path: Path) -> dict[str, str]:
    labels: dict[str, str] = {}
    for row in table:
        file, label = row["file"].strip(), row["label"].strip()
        if labels.setdefault(file, label) != label:
            raise InputError(f"{path}: {file} has two labels, {labels[file]} and {label}; keep one")
    return labels
