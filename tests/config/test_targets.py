"""The functions that conf/ names, and what of theirs can be set."""

import inspect

import pytest
import yaml

from pipeline.config.places import CONF_DIR
from pipeline.config.targets import _locate


def nodes(tree):
    if isinstance(tree, dict):
        if "_target_" in tree:
            yield tree
        for value in tree.values():
            yield from nodes(value)


# Presets name only what they change.
NODE_FILES = [file for file in sorted(CONF_DIR.rglob("*.yaml")) if "experiment" not in file.parts]


@pytest.mark.parametrize("file", NODE_FILES, ids=lambda file: file.stem)
def test_every_node_shows_all_that_can_be_set(file):
    """What is not written down in conf/ cannot be overridden by name."""
    for node in nodes(yaml.safe_load(file.read_text())):
        function = _locate(file.stem, node["_target_"])
        parameters = inspect.signature(function).parameters.values()
        settable = {
            p.name for p in parameters if isinstance(function, type) or p.kind is p.KEYWORD_ONLY
        }
        assert settable == set(node) - {"_target_"}
