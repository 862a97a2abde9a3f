"""Share the pictures of the epochs between trainings that run one after another or side by side.

Making them costs more than a small network's training: drawing digits, distorting 55,000 pictures.
Trainings with the same data, seed and distortion learn from the same pictures, so the first one
leaves them in a folder for the others. They are the same bits, made or read.

Twelve trials (`model.hidden_units=[64],[128],[128,128],[256,128] train.epochs=1,2,3`) take 65 s of
processor time instead of 97; without distortion and drawings, 56 (MNIST, 2 cores, one run each,
2026-11-28).
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.digits.splits import Split, load_split, save_split
from pipeline.system.errors import InputError

MOST_BYTES = 3_000_000_000
"""The most disk space that shared pictures take: 70 epochs of MNIST."""


@dataclass(frozen=True)
class SharedPictures:
    """A folder of pictures that trainings share.

    Attributes:
        folder: The folder; whoever made it removes it.
        data: Identifies the pictures that are learned from.
    """

    folder: Path
    data: str

    def through(
        self, make: Callable[[int], Split], depends_on: Sequence[object]
    ) -> Callable[[int], Split]:
        """Return a function that makes the pictures of an epoch or reads them, if made before.

        Args:
            make: Makes the pictures of an epoch, given its number.
            depends_on: All that the pictures depend on, besides the data.
        """
        key = hashlib.sha256(repr((self.data, *depends_on)).encode()).hexdigest()[:16]
        own = self.folder / key

        def made_or_read(number: int) -> Split:
            from filelock import FileLock

            own.mkdir(parents=True, exist_ok=True)
            file = own / f"{number}.npz"
            with FileLock(file.with_suffix(".lock")):  # others wait for it instead of making it
                with suppress(InputError):
                    return load_split(file)
                pictures = make(number)
                # A full disk, or a folder that another trial removes meanwhile, costs only time.
                with suppress(OSError):
                    if self._has_room(pictures.images.nbytes, own):
                        save_split(pictures, file)
                return pictures

        return made_or_read

    def _has_room(self, size: int, own: Path) -> bool:
        """Return whether so many bytes have room, removing others' pictures, oldest first."""
        folders = [folder for folder in self.folder.iterdir() if folder != own]
        folders.sort(key=lambda folder: folder.stat().st_mtime)
        while self._taken() + size > MOST_BYTES and folders:
            shutil.rmtree(folders.pop(0), ignore_errors=True)
        return self._taken() + size <= MOST_BYTES

    def _taken(self) -> int:
        return sum(file.stat().st_size for file in self.folder.glob("*/*.npz"))
