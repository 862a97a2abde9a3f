"""The hashes that DVC's files name, here and in every commit of the repository.

`dvc gc --all-commits` is not used: it fails if one commit names a folder that is not in the cache,
which is so for every commit of another machine's dvc.lock; and it would remove all experiments that
were not committed, though MLflow has their runs.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

DVC_FILES = ("dvc.lock", "*.dvc")
HASH = re.compile(rb"\bmd5: ['\"]?([0-9a-f]{32}(?:\.dir)?)")


def hashes_of_commits(root: Path) -> set[str]:
    """Return the hashes in DVC's files, of the checkout and of every commit that Git still has.

    DVC's experiments are commits, and so are the queued ones. Without a repository, only the
    files of the checkout count.
    """
    found = {name for file in _files_here(root) for name in _hashes(file.read_bytes())}
    blobs = [line.split()[0] for line in _listed(root) if line.endswith(("dvc.lock", ".dvc"))]
    if blobs:
        found |= set(_hashes(_git(root, "cat-file", "--batch", given="\n".join(blobs) + "\n")))
    return found


def _files_here(root: Path) -> Iterator[Path]:
    for folder in (root, root / "data", root / "models"):
        for pattern in DVC_FILES:
            yield from (file for file in folder.glob(pattern) if file.is_file())


def _listed(root: Path) -> list[str]:
    """Return lines `OBJECT PATH`, of the files in question among others."""
    command = ("rev-list", "--all", "--reflog", "--objects", "--", *DVC_FILES)
    return _git(root, *command).decode(errors="replace").splitlines()


def _git(root: Path, *arguments: str, given: str = "") -> bytes:
    """Return what Git prints; nothing if this is no repository."""
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=root, input=given.encode(), capture_output=True, check=False)
    if done.returncode and b"not a git repository" not in done.stderr:
        raise OSError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _hashes(text: bytes) -> Iterator[str]:
    return (found.decode() for found in HASH.findall(text))
