"""Files that nothing needs: how many, how large, and their removal."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path


def _nothing() -> None:
    """Remove nothing besides the files."""


@dataclass(frozen=True)
class Leftovers:
    """One kind of what nothing needs.

    Attributes:
        what: What it is, for the table.
        paths: Its files and folders.
        entries: How many entries of a database go with them.
        forget: Removes these entries.
        removable: Whether to remove it all; otherwise it is only told of.
    """

    what: str
    paths: Sequence[Path]
    entries: int = 0
    forget: Callable[[], None] = field(default=_nothing)
    removable: bool = True

    def files(self) -> Iterator[Path]:
        """Yield the files, those in the folders included."""
        for path in self.paths:
            if path.is_dir() and not path.is_symlink():
                for folder, _, names in os.walk(path):
                    yield from (Path(folder, name) for name in names)
            elif path.is_symlink() or path.exists():
                yield path

    def size(self) -> int:
        """Return how many bytes the files have."""
        return sum(file.lstat().st_size for file in self.files())

    def remove(self) -> None:
        """Remove it all, and folders that are empty then: DVC fails at one in its run cache."""
        self.forget()
        for path in self.paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder; none if there is no such folder."""
    return sorted(each for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
