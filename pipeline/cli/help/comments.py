"""The comments in conf/, which say what each setting means and what each choice is."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from pipeline.config.places import CONF_DIR

PACKAGE = re.compile(r"# @package (\S+)")
TARGET = re.compile(r"_target_: (\S+)")
KEY = re.compile(r"( *)(\w+):")


def sentences(targets: Collection[str]) -> dict[str, str]:
    """Return the comment above each setting, by its dotted key.

    Args:
        targets: The functions that the configuration names. Files that name one of them, or none,
            come before those of choices that were not taken.
    """
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(CONF_DIR.rglob("*.yaml"))}
    found: dict[str, str] = {}
    for file in sorted(texts, key=lambda each: not {*TARGET.findall(texts[each])} <= {*targets}):
        for key, comment in _by_key(texts[file]):
            found.setdefault(_package(file, texts[file]) + key, comment)
    return found


def headline(group: str, choice: str) -> str:
    """Return the comment at the top of the file of a choice; empty if there is none."""
    lines = (CONF_DIR / group / f"{choice}.yaml").read_text(encoding="utf-8").splitlines()
    about = lines[1:] if lines and PACKAGE.match(lines[0]) else lines
    end = next((number for number, line in enumerate(about) if not line.startswith("#")), None)
    text = " ".join(line.lstrip("# ") for line in about[:end])
    return re.sub(r"^`[^`]*`: ", "", text)  # how it is typed, which the help says itself


def _by_key(text: str) -> Iterator[tuple[str, str]]:
    """Yield each key that has a comment above it, dotted within the file, with the comment."""
    above: list[str] = []
    parents: list[tuple[int, str]] = []
    for line in PACKAGE.sub("", text).splitlines():
        if line.lstrip().startswith("#"):
            above.append(line.lstrip("# "))
            continue
        if key := KEY.match(line):
            parents = [each for each in parents if each[0] < len(key[1])]
            parents.append((len(key[1]), key[2]))
            if above:
                yield ".".join(name for _, name in parents), " ".join(above)
        above = []


def _package(file: Path, text: str) -> str:
    """Return what stands before a file's keys in the configuration."""
    if named := PACKAGE.match(text):
        return "" if named[1] == "_global_" else f"{named[1]}."
    return "".join(f"{part}." for part in file.relative_to(CONF_DIR).parent.parts)
