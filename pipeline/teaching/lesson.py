"""The corrections: which of them a network learns from, and which are held back to test it."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from pipeline.digits.datasets.folders import read_labelled
from pipeline.digits.significance import SIGNIFICANCE, mcnemar_mid_p
from pipeline.digits.splits import Split
from pipeline.system.errors import InputError

log = logging.getLogger(__name__)

HELD_BACK = 0.3
FEWEST_HELD_BACK = next(n for n in range(1, 100) if mcnemar_mid_p(0, n) < SIGNIFICANCE)
"""So many must be read better, and none worse, to be more than chance."""


@dataclass(frozen=True)
class Lesson:
    """Labelled pictures in MNIST's form.

    Attributes:
        learned: Those to learn from.
        held_back: Those that no network learns from, ever.
    """

    learned: Split
    held_back: Split

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the labelled pictures below a folder, as predict-custom reads pictures.

        The content of a file decides whether it is held back. So a picture that was held back once
        always is, however many others there are; of files with the same content one counts.

        Raises:
            InputError: There are too few, none, or one picture has two labels.
        """
        pictures, _ = read_labelled(folder)
        assert pictures.files is not None
        files = [folder / str(name) for name in pictures.files]
        rows: dict[bytes, int] = {}
        for row, file in enumerate(files):
            first = rows.setdefault(hashlib.sha256(file.read_bytes()).digest(), row)
            if pictures.labels[first] != pictures.labels[row]:
                raise InputError(
                    f"{files[first]} and {file}: the same picture with the labels "
                    f"{pictures.labels[first]} and {pictures.labels[row]}; delete one"
                )
        learned = [row for content, row in rows.items() if not _is_held_back(content)]
        held_back = [row for content, row in rows.items() if _is_held_back(content)]
        _expect_enough(folder, len(learned), len(held_back))
        log.info(
            "%d corrections in %s: %d to learn from, %d held back",
            len(rows), folder, len(learned), len(held_back),
        )  # fmt: skip
        return cls(pictures.take(np.array(learned)), pictures.take(np.array(held_back)))


def _is_held_back(content: bytes) -> bool:
    return int.from_bytes(content[:4]) < HELD_BACK * 2**32


def _expect_enough(folder: Path, learned: int, held_back: int) -> None:
    if learned and held_back >= FEWEST_HELD_BACK:
        return
    raise InputError(
        f"{folder}: {learned + held_back} usable pictures, of which {held_back} are held back; "
        f"{FEWEST_HELD_BACK} must be to tell better from chance; correct some more (about "
        f"{2 * FEWEST_HELD_BACK / HELD_BACK:.0f} in all)"
    )
