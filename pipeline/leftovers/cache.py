"""What in DVC's cache nothing needs.

An experiment comes back from the cache through DVC's run cache: a file for each time that a stage
ran, which names what it read and what it wrote. It is needed as long as MLflow has the run of its
training, or a commit or one of DVC's experiments names the network.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from pipeline.config.places import LINES_MODEL, MODELS, ROOT, RUN_ID_NAME
from pipeline.leftovers.commits import hashes_of_commits
from pipeline.system.errors import InputError
from pipeline.tracking.names import RUN_ID

RUN_ID_FILE = (MODELS / RUN_ID_NAME).relative_to(ROOT).as_posix()
LINES_FOLDER = LINES_MODEL.relative_to(ROOT).as_posix()
"""The network for lines; the id of its run is a file in it."""
DIR = ".dir"

KeepsRun = Callable[[str], bool]


def cache_folder(root: Path = ROOT) -> Path | None:
    """Return DVC's cache; None if it lies elsewhere, where other projects may use it."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"DVC cannot say where its cache is: {done.stderr.strip()[:200]}")
    folder = Path(done.stdout.strip()).resolve()
    return folder if folder.is_relative_to(root.resolve()) else None


@dataclass(frozen=True)
class Ran:
    """One file of the run cache.

    Attributes:
        file: Where it lies.
        read: The hashes of what the stage read, by path.
        wrote: The hashes of what it wrote, by path.
    """

    file: Path
    read: dict[str, str]
    wrote: dict[str, str]

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read a file of the run cache; one that cannot be read names nothing."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), loader)
            parts = (content.get(part) or [] for part in ("deps", "outs"))
            read, wrote = ({each["path"]: each.get("md5", "") for each in part} for part in parts)
        except (OSError, ValueError, yaml.YAMLError, AttributeError, LookupError, TypeError):
            return cls(file, {}, {})
        return cls(file, read, wrote)

    def hashes(self) -> set[str]:
        """Return the hashes of all that the stage read and wrote."""
        return {*self.read.values(), *self.wrote.values()}


@dataclass(frozen=True)
class Cache:
    """DVC's cache, below a folder of this project."""

    folder: Path

    def object(self, name: str) -> Path:
        """Return the file of a hash."""
        return self.folder / "files" / "md5" / name[:2] / name[2:]

    def unneeded(self, keeps: KeepsRun) -> set[Path]:
        """Return the files that no commit needs, nor a run that is kept.

        Args:
            keeps: Whether a run is to be kept, by its id.
        """
        named = self._with_content(hashes_of_commits(ROOT))
        ran = [Ran.load(file) for file in self.folder.glob("runs/*/*/*")]
        kept = needed(ran, named, lambda name: self._keeps(name, keeps))
        used = named | self._with_content(set().union(*(each.hashes() for each in kept)))
        unused = {file for file in self._objects() if file.parent.name + file.name not in used}
        return unused | {each.file for each in ran if each not in kept}

    def _objects(self) -> list[Path]:
        return sorted(self.folder.glob("files/md5/??/*"))

    def _keeps(self, name: str, keeps: KeepsRun) -> bool:
        """Return whether an object, or a file in a folder, has the id of a run to be kept."""
        if name.endswith(DIR):
            return any(
                self._keeps(each["md5"], keeps)
                for each in self._listed(name)
                if each["relpath"] == RUN_ID_NAME
            )
        try:
            run_id = self.object(name).read_text(encoding="utf-8", errors="replace").strip()
        except (FileNotFoundError, IsADirectoryError):
            return False
        return bool(RUN_ID.fullmatch(run_id)) and keeps(run_id)

    def _listed(self, name: str) -> list[dict[str, str]]:
        """Return what DVC notes of the files in a folder; nothing if that cannot be read."""
        try:
            listed = json.loads(self.object(name).read_text(encoding="utf-8"))
            return [{key: each[key] for key in ("md5", "relpath")} for each in listed]
        except (OSError, ValueError, LookupError, TypeError):
            return []

    def _with_content(self, names: Collection[str]) -> set[str]:
        """Return hashes, and those of the files in the folders among them."""
        found = set(names)
        for name in names:
            if name.endswith(DIR):
                found |= {each["md5"] for each in self._listed(name)}
        return found


def needed(ran: Sequence[Ran], named: Collection[str], keeps: KeepsRun) -> list[Ran]:
    """Return what of the run cache is needed.

    A training decides for itself: by its run, or by a commit that names all it read and wrote. What
    it read is needed with it, and so is what was made of that or of its network, and nothing else.

    Args:
        ran: The run cache.
        named: The hashes in commits.
        keeps: Whether the run is to be kept whose id is in the object with a hash.
    """
    made = {name for each in ran for name in each.wrote.values()}
    kept = {
        each.file: each
        for each in ran
        if each.wrote
        and (
            each.hashes() <= set(named)
            or any(keeps(each.wrote.get(place, "")) for place in (RUN_ID_FILE, LINES_FOLDER))
        )
    }
    others = [each for each in ran if RUN_ID_FILE not in each.wrote]
    before = -1
    while before != len(kept):
        before = len(kept)
        read = {name for each in kept.values() for name in each.read.values()}
        wrote = {name for each in kept.values() for name in each.wrote.values()}
        for each in others:
            sources = made.intersection(each.read.values())
            if (sources and sources <= wrote) or read.intersection(each.wrote.values()):
                kept[each.file] = each
    return list(kept.values())
