"""Configurations as nested dicts."""

from collections.abc import Iterable, Mapping
from typing import Any

Tree = dict[str, Any]

Target = Tree  # names a function by `_target_` and holds its arguments


def bare_name(target: object) -> str:
    """Return the last part of a dotted name, by which people know a function."""
    return str(target).rpartition(".")[2]


def is_in(key: str, sections: Iterable[str]) -> bool:
    """Return whether a dotted key is one of some sections, or lies in one."""
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested dicts under dotted keys; lists and empty dicts are leaves."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            leaves |= flatten(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def differing_keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the dotted keys at which two configurations differ."""
    left, right = flatten(one), flatten(other)
    missing = object()
    keys = sorted(left.keys() | right.keys())
    return [key for key in keys if left.get(key, missing) != right.get(key, missing)]
