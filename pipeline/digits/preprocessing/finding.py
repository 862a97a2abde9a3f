"""Find the pictures in folders."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.system.errors import InputError

log = logging.getLogger(__name__)

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp"}
)
UNSUPPORTED = frozenset({".avif", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".pdf", ".svg"})

# How pictures begin whose names have no suffix: PNG, JPEG, BMP, TIFF (two), WebP.
BEGINNINGS = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"RIFF")


def find_at(places: Sequence[Path]) -> tuple[Path, list[Path]]:
    """Find the pictures at some places, at least one: folders, or single files.

    Returns:
        The folder that holds all of them, and the pictures, each once.

    Raises:
        InputError: There is nothing at a place, or as for `find_pictures`.
    """
    lists = [[place] if _is_file(place) else find_pictures(place) for place in places]
    folders = [place.parent if _is_file(place) else place for place in places]
    if len(places) == 1:
        return folders[0], lists[0]
    root = Path(os.path.commonpath([folder.absolute() for folder in folders]))
    return root, list(dict.fromkeys(path.absolute() for paths in lists for path in paths))


def _is_file(place: Path) -> bool:
    return not place.is_dir() and (place.exists() or place.is_symlink())


def find_pictures(folder: Path) -> list[Path]:
    """List the files below a folder that have a picture's suffix, or begin like one, sorted.

    Linked folders are followed, and each folder is visited once, so circular links do no harm.
    Hidden files and folders are left out. A folder or a broken link with a picture's suffix is
    listed, too: whoever decodes it reports why it is not a picture.

    Raises:
        InputError: The folder is missing, is not a folder, cannot be opened, or holds no picture.
    """
    _refuse_unusable(folder)
    pictures = _walk(folder)
    found = sorted(path for path in pictures if path.suffix.lower() not in UNSUPPORTED)
    left_out = sorted({path.suffix.lower() for path in pictures} & UNSUPPORTED)
    if left_out:
        log.warning(
            "%s: pictures left out: %d, in unsupported formats (%s); save them as PNG",
            folder, len(pictures) - len(found), " ".join(left_out),
        )  # fmt: skip
    if not found:
        wanted = " ".join(sorted(SUFFIXES))
        raise InputError(f"{folder}: no picture in it; put some there ({wanted})")
    return found


def name_below(folder: Path, path: Path) -> str:
    """Return a path relative to a folder above it, with forward slashes, as text for tables.

    Bytes that are not UTF-8, as in names from old archives, become the replacement character.
    """
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "replace")


def _refuse_unusable(folder: Path) -> None:
    if not folder.exists():
        raise InputError(f"{folder}: no such folder or picture; give one that exists")
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be opened ({error.strerror}); check its permissions"
        ) from error


def _walk(folder: Path) -> list[Path]:
    """Collect the pictures of all formats, supported or not; visit linked folders last."""
    found: list[Path] = []
    folders, links, visited = [folder], list[Path](), set[tuple[int, int]]()
    while folders or links:
        current = folders.pop() if folders else links.pop(0)
        for entry in _entries(current, visited):
            path = Path(entry.path)
            if path.suffix.lower() in SUFFIXES | UNSUPPORTED or _begins_like_one(path):
                found.append(path)
            if _leads_to_folder(entry):
                (links if entry.is_symlink() else folders).append(path)
    return found


def _entries(folder: Path, visited: set[tuple[int, int]]) -> list["os.DirEntry[str]"]:
    """Return what is not hidden in a folder, sorted by name; [] if it was visited before."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in visited:
            return []
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        log.warning("%s: left out, it cannot be opened (%s)", folder, error.strerror)
        return []
    return sorted(shown, key=lambda entry: entry.name)


def _begins_like_one(path: Path) -> bool:
    """Return whether a file whose name has no suffix begins like a picture."""
    if path.suffix or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(6).startswith(BEGINNINGS)
    except OSError:
        return False


def _leads_to_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
