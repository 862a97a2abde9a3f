"""Right answers beside pictures: labels.csv."""

import csv
from pathlib import Path

from pipeline.digits.errors import InputError

LABELS_NAME = "labels.csv"


def read_labels(path: Path) -> dict[str, str]:
    """Read the right answers, by file, from a CSV file with the columns file and label.

    Raises:
        InputError: The file has other columns or is no text.
    """
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if not {"file", "label"} <= set(table.fieldnames or ()):
                raise InputError(f"{path}: needs the columns file,label, with a comma between")
            return {row["file"].strip(): row["label"].strip() for row in table}
    except (AttributeError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: needs two values in every row, as UTF-8 text") from error
