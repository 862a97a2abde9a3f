"""The digests of the networks in models/: was a file changed since the stage wrote it?"""

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from pipeline.config.places import ROOT
from pipeline.system.errors import InputError
from pipeline.system.files import write_json

DIGESTS_NAME = "digests.json"
LOCK = ROOT / "dvc.lock"


def note_digests(folder: Path, *files: Path) -> Path:
    """Write down the MD5, as DVC uses it, of files that a stage has written; return where."""
    write_json(folder / DIGESTS_NAME, {file.name: _md5(file) for file in files})
    return folder / DIGESTS_NAME


def expect_unchanged(file: Path) -> None:
    """Compare a file with what the stage that wrote it has noted, and with dvc.lock.

    A stage that was run by hand leaves what dvc.lock does not know, so that one of both must agree.
    A file of which neither says anything is let through: it was put there on purpose.

    Raises:
        InputError: The file was changed, or is damaged.
    """
    known = {*_noted(file), *_locked(file)}
    if known and file.is_file() and _md5(file) not in known:
        raise InputError(
            f"{file}: is not the network that was trained here (its MD5 differs); "
            "`dvc checkout` or `dvc repro` restores it"
        )


def _noted(file: Path) -> list[str]:
    try:
        noted = json.loads((file.parent / DIGESTS_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    digest = noted.get(file.name) if isinstance(noted, dict) else None
    return [digest] if isinstance(digest, str) else []


def _locked(file: Path) -> list[str]:
    """Return what dvc.lock says of a file; nothing if it is missing, damaged or in conflict."""
    try:
        lock: Any = yaml.safe_load(LOCK.read_text(encoding="utf-8"))
        outputs = [out for stage in lock["stages"].values() for out in stage.get("outs", [])]
        return [out["md5"] for out in outputs if ROOT / out["path"] == file]
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        return []


def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
