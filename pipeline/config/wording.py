"""Describe validation errors in one line."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.config.places import choices
from pipeline.config.schema import Config
from pipeline.system.errors import in_one_line

MOST_PROBLEMS = 6  # in one line
LONGEST_VALUE = 80  # characters


def suggest(unknown: str, known: list[str]) -> str:
    """Return a hint: the known name closest to an unknown one, or all known names."""
    close = difflib.get_close_matches(unknown, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(sorted(known))}"


def suggest_key(unknown: str, keys: Sequence[str], groups: Sequence[str]) -> str:
    """Return a hint at the keys that an unknown one may stand for.

    Args:
        unknown: The key, as it was typed.
        keys: The known ones, dotted.
        groups: The groups that can be chosen from, such as "model" or "train/optimizer".
    """
    section, _, name = unknown.rpartition(".")
    beside = [key for key in keys if key.rpartition(".")[0] == section]
    near = (
        [each for each in (*keys, *groups) if _last(each) == _last(name)]
        or _similar(name, 0.6, beside)
        or _abbreviated(name, keys)
        or _similar(name, 0.7, groups, keys)
    )
    if near:
        shown = [f"{each}=…" if each in groups else each for each in near]
        return f"did you mean {' or '.join(shown)}?"
    here = [*beside, *(() if section else groups)]
    listed = f"known here: {', '.join(sorted(here))}; " if here else ""
    return f"{listed}`digits settings` lists all keys"


def _last(key: str) -> str:
    return re.split(r"[./]", key)[-1]


def _abbreviated(name: str, keys: Sequence[str]) -> list[str]:
    """Return the keys of whose name this is a word or the initials."""
    words = {key: _last(key).split("_") for key in keys}
    return [
        key
        for key, parts in words.items()
        if name in parts or name == "".join(part[:1] for part in parts)
    ]


def _similar(name: str, cutoff: float, *kinds: Sequence[str]) -> list[str]:
    """Return what has the most similar name, in the first kind that holds a similar one."""
    for known in kinds:
        close = difflib.get_close_matches(_last(name), map(_last, known), n=1, cutoff=cutoff)
        if close:
            return [each for each in known if _last(each) == close[0]]
    return []


def describe_errors(error: ValidationError, schema: type[BaseModel], prefix: str) -> str:
    """Return all validation errors in one line: key, value and what is allowed."""
    allowed: dict[str, list[str]] = {}
    for details in error.errors():
        problem, hint = _describe_one(details, schema, prefix)
        allowed.setdefault(problem, []).append(hint)
    # Pydantic reports each alternative of a union separately.
    problems = [f"{problem}{' or '.join(hints)}" for problem, hints in allowed.items()]
    more = [f"and {len(problems) - MOST_PROBLEMS} more"] if len(problems) > MOST_PROBLEMS else []
    return "; ".join(problems[:MOST_PROBLEMS] + more)


def _describe_one(details: ErrorDetails, schema: type[BaseModel], prefix: str) -> tuple[str, str]:
    """Return the problem and a hint at what is allowed, to be joined in this order."""
    location = [str(part) for part in details["loc"]]
    fields = _fields_at(schema, location)
    if details["type"] == "extra_forbidden":
        return f"{prefix}{'.'.join(location)}: unknown key; ", suggest(location[-1], list(fields))
    # Alternatives of a union add their own names to the location: keep keys and list positions.
    keys = [
        part for part in location if part in fields or part.isdigit() or part in Config.model_fields
    ]
    if details["type"] == "missing":
        return (
            f"{prefix}{'.'.join(keys)}: missing; ",
            "conf/ must set it, and `digits` writes it to params.yaml",
        )
    problem = f"{prefix}{'.'.join(keys)}={_shown(details['input'])}: "
    if details["type"] in ("dict_type", "model_type") and (names := choices("/".join(keys))):
        group = f"`digits {'/'.join(keys)}=NAME` chooses it; "
        return problem, group + suggest(str(details["input"]), names)
    return problem, details["msg"][0].lower() + details["msg"][1:]


def _shown(value: object) -> str:
    """Return a value in one line, a long one shortened."""
    try:
        return in_one_line(repr(value), LONGEST_VALUE)
    except (ValueError, RecursionError):  # a number of thousands of digits; a list in itself
        return "…"


def _fields_at(schema: type[BaseModel], location: list[str]) -> Mapping[str, Any]:
    """Return the fields of the innermost section that a location passes through."""
    section = schema
    for part in location[:-1]:
        field = section.model_fields.get(part)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        section = inner
    return section.model_fields
