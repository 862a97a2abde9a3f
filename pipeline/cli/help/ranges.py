"""The values that each setting can have, in words: from the schema that checks them."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from pipeline.config.trees import Tree

TARGET = "_target_"


def ranges_of(schema: type[BaseModel], at: str = "") -> dict[str, str]:
    """Return the range of each field of a schema and of its sections, by its dotted key.

    Args:
        schema: The schema.
        at: What stands before its keys.
    """
    tree = schema.model_json_schema()
    return _ranges(tree, tree.get("$defs", {}), at)


def ranges_of_targets(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the ranges of the arguments of all functions that a flat configuration names."""
    found: dict[str, str] = {}
    for key, target in values.items():
        section, _, name = key.rpartition(".")
        if name == TARGET:
            module, _, function = target.rpartition(".")
            located = getattr(importlib.import_module(module), function)
            for each in inspect.signature(located).parameters.values():
                if f"{section}.{each.name}" in values:
                    schema = TypeAdapter(each.annotation).json_schema()
                    found[f"{section}.{each.name}"] = in_words(schema, {})
    return found


def _ranges(tree: Tree, sections: Tree, at: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, node in tree["properties"].items():
        inner = _resolved(node, sections)
        if "properties" in inner:
            found |= _ranges(inner, sections, f"{at}{name}.")
        else:
            found[f"{at}{name}"] = in_words(node, sections)
    return found


def in_words(node: Tree, sections: Tree) -> str:
    """Return what a JSON schema allows, in a few words.

    Args:
        node: The schema of one value.
        sections: The schemas that it may refer to.
    """
    node = _resolved(node, sections)
    if "anyOf" in node:
        return " or ".join(in_words(each, sections) for each in node["anyOf"])
    if "const" in node:
        return str(node["const"])
    if "enum" in node:
        *first, last = node["enum"]
        return f"{', '.join(first)} or {last}"
    match node.get("type"):
        case "integer":
            return f"a whole number{_limits(node)}"
        case "number":
            return f"a number{_limits(node)}"
        case "array":
            each = node.get("items", {})
            one_of = "one of " if "enum" in _resolved(each, sections) else ""
            return f"a list [A,B,…], each {one_of}{in_words(each, sections)}"
        case "boolean":
            return "true or false"
        case "string":
            return "text"
        case "null":
            return "null"
        case _:
            return "keys and values"


def _limits(node: Tree) -> str:
    words = {
        "minimum": " from", "exclusiveMinimum": " above",
        "maximum": " to" if "minimum" in node else ", at most", "exclusiveMaximum": " to below",
    }  # fmt: skip
    return "".join(f"{word} {node[key]:,}" for key, word in words.items() if key in node)


def _resolved(node: Tree, sections: Tree) -> Tree:
    if "$ref" not in node:
        return node
    resolved: Tree = sections[node["$ref"].rpartition("/")[2]]
    return resolved
