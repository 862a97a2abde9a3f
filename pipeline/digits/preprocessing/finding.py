"""Find the pictures in a folder."""

import os
from pathlib import Path

from pipeline.digits.preprocessing.decoding import log
from pipeline.system.errors import InputError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".tif", ".tiff", ".webp"})
NOT_READ = frozenset({".avif", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".pdf", ".svg"})


def find_pictures(folder: Path) -> list[Path]:
    """List the pictures below a folder by their suffix, sorted.

    Links to folders are followed, each folder is visited once, so circular links do no harm.
    Hidden files and folders are left out. Whatever carries a picture's suffix is listed, even a
    folder or a broken link, so that its user gets to read why it is no picture.

    Raises:
        InputError: The folder is missing, is none, cannot be opened, or holds no picture.
    """
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; give one that holds pictures")
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; give the folder that holds the pictures")
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be opened ({error.strerror}); check its permissions"
        ) from error
    pictures = _walk(folder)
    found = sorted(path for path in pictures if path.suffix.lower() in SUFFIXES)
    left_out = sorted({path.suffix.lower() for path in pictures} - SUFFIXES)
    if left_out:
        log.warning(
            "%s: pictures left out: %d, not in a format that is read (%s); save them as PNG",
            folder, len(pictures) - len(found), " ".join(left_out),
        )  # fmt: skip
    if not found:
        wanted = " ".join(sorted(SUFFIXES))
        raise InputError(f"{folder}: no picture in it; put some there ({wanted})")
    return found


def _walk(folder: Path) -> list[Path]:
    """Collect pictures by suffix, of formats that are not read as well; real folders come first."""
    found: list[Path] = []
    folders, links, visited = [folder], list[Path](), set[tuple[int, int]]()
    while folders or links:
        current = folders.pop() if folders else links.pop(0)
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(current) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            log.warning("%s: left out, it cannot be opened (%s)", current, error.strerror)
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            if path.suffix.lower() in SUFFIXES | NOT_READ:
                found.append(path)
            if _leads_to_folder(entry):
                (links if entry.is_symlink() else folders).append(path)
    return found


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def name_below(folder: Path, path: Path) -> str:
    """Return a path relative to a folder it is in, with forward slashes, as it can be written down.

    What in it is not UTF-8, as in archives of another time, becomes the replacement character.
    """
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "replace")
