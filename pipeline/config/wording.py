"""Describe validation errors in one line."""

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.config.schema import Config


def suggest(unknown: str, known: list[str]) -> str:
    """Return a hint: the known name closest to an unknown one, or all known names."""
    close = difflib.get_close_matches(unknown, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(sorted(known))}"


def describe_errors(error: ValidationError, schema: type[BaseModel], prefix: str) -> str:
    """Return all validation errors in one line: key, value and what is allowed."""
    allowed: dict[str, list[str]] = {}
    for details in error.errors():
        problem, hint = _describe_one(details, schema, prefix)
        allowed.setdefault(problem, []).append(hint)
    # Pydantic reports each alternative of a union separately.
    return "; ".join(f"{problem}{' or '.join(hints)}" for problem, hints in allowed.items())


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
            "conf/ must set it, and `python -m pipeline` writes it to params.yaml",
        )
    allowed = details["msg"][0].lower() + details["msg"][1:]
    return f"{prefix}{'.'.join(keys)}={details['input']!r}: ", allowed


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
