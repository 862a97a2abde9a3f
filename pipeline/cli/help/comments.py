"""The settings in conf/ as they are written there, with the comments that say what they mean."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.config.places import CONF_DIR

PACKAGE = re.compile(r"# @package (\S+)")
TARGET = re.compile(r"_target_: (\S+)")
KEY = re.compile(r"( *)(\w+): *([^#]*)")


class Setting(NamedTuple):
    """A key of conf/, its value as written ("" for a section) and the comment above it."""

    key: str
    value: str
    comment: str


def settings_in(file: Path) -> list[Setting]:
    """Return the settings in a file of conf/, and its sections, by their dotted keys."""
    text = file.read_text(encoding="utf-8")
    above = _package(file, text)
    return [Setting(above + key, value, comment) for key, value, comment in _by_key(text)]


def sentences(targets: Collection[str]) -> dict[str, str]:
    """Return the comment above each setting, by its dotted key.

    Args:
        targets: The functions that the configuration names. Files that name one of them, or none,
            come before those of choices that were not taken.
    """
    found: dict[str, str] = {}
    files = sorted(CONF_DIR.rglob("*.yaml"))
    for file in sorted(files, key=lambda each: _is_strange(each, targets)):
        for key, _, comment in settings_in(file):
            if comment:
                found.setdefault(key, comment)
    return found


def _is_strange(file: Path, targets: Collection[str]) -> bool:
    return not {*TARGET.findall(file.read_text(encoding="utf-8"))} <= {*targets}


def headline(group: str, choice: str) -> str:
    """Return the comment at the top of the file of a choice; empty if there is none."""
    lines = (CONF_DIR / group / f"{choice}.yaml").read_text(encoding="utf-8").splitlines()
    about = lines[1:] if lines and PACKAGE.match(lines[0]) else lines
    end = next((number for number, line in enumerate(about) if not line.startswith("#")), None)
    text = " ".join(line.lstrip("# ") for line in about[:end])
    return re.sub(r"^`[^`]*`: ", "", text)  # how it is typed, which the help says itself


def _by_key(text: str) -> Iterator[Setting]:
    """Yield each key, dotted within the file, with its value and the comment above it."""
    above: list[str] = []
    parents: list[tuple[int, str]] = []
    for line in PACKAGE.sub("", text).splitlines():
        if line.lstrip().startswith("#"):
            above.append(line.lstrip("# "))
            continue
        if key := KEY.match(line):
            parents = [each for each in parents if each[0] < len(key[1])]
            parents.append((len(key[1]), key[2]))
            yield Setting(".".join(name for _, name in parents), key[3].strip(), " ".join(above))
        above = []


def _package(file: Path, text: str) -> str:
    """Return what stands before a file's keys in the configuration."""
    if named := PACKAGE.match(text):
        return "" if named[1] == "_global_" else f"{named[1]}."
    return "".join(f"{part}." for part in file.relative_to(CONF_DIR).parent.parts)
