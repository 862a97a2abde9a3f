"""Every link, path, target, command and setting that the documents name exists."""

import importlib.util
import re
import subprocess
from functools import cache

import pytest
from support import documents
from support.documents import NAMES
from support.starting import refusal

from pipeline.cli.entry import COMMANDS, MODULES
from pipeline.config.composing import compose
from pipeline.config.params import dump
from pipeline.config.places import ROOT
from pipeline.config.schema import Options

PATH = re.compile(r"\.?\w[\w.\-]*(/[\w.\-]+)+/?|\w[\w\-]*/|[\w\-]+\.(py|md|yaml|toml|lock|jinja)")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", documents.read("Makefile"), re.MULTILINE))
TOP = {path.name for path in ROOT.iterdir()}
IN_PIPELINE = {path.name for path in (ROOT / "pipeline").iterdir()}
# Files of other programs, or made beyond the project; each is known to the text that names it.
ELSEWHERE = {"mnist.npz", "labels.csv", "docs/docs/opinions.md"}
PARAMS = dump(compose(["data=mnist_5000"]))
EXPERIMENT = "pipeline.__main__"
PROMOTE = "pipeline.promote"
# Wrong on purpose, or of Python.
NO_SETTINGS = {"train.epoks=3", "copy=False", "strict=True"}
# What a command does instead of its work, and a word that is completed.
INSTEAD = {"--help", "-sc", "train.ep⇥"}
# Stands for what a reader writes there.
PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\d?\b|<[^>]*>|…")


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name):
    for target in documents.links(name):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (ROOT / name).parent / path if path else ROOT / name
        assert there.exists(), f"{name}: {target}"
        assert not anchor or anchor in documents.anchors(there), f"{name}: {target}"


@pytest.mark.parametrize("name", NAMES)
def test_every_path_exists_or_is_made_by_a_command(name):
    missing = [span for span in documents.spans(name) if PATH.fullmatch(span) and not known(span)]
    assert not missing, f"{name}: {missing}"


def known(path):
    """Return whether a path is there, is told by its last part alone, or is ignored by git."""
    top = path.split("/")[0]
    if path in ELSEWHERE or "NAME" in path or (ROOT / path).exists():
        return True
    if "/" not in path:
        return path in tracked_names()
    if top not in TOP | IN_PIPELINE and top != "models":
        return True  # of a reader's own
    return (ROOT / "pipeline" / path).exists() or is_made(path)


@cache
def tracked_names():
    folders = ("pipeline", "conf", "tests", "benchmarks", "hydra_plugins", "docs", "data/custom")
    return TOP | {path.name for folder in folders for path in (ROOT / folder).rglob("*")} | {
        "dvc.lock", *(path.name for path in ROOT.glob(".*"))
    }  # fmt: skip


def is_made(path):
    """Return whether git ignores a path: then a command makes it."""
    command = ["git", "check-ignore", "--quiet", "--no-index", path]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_target_of_make_exists(name):
    for words in every_command(name):
        named = words[1:] if words[0] == "make" else []
        targets = [each for each in named if re.fullmatch(r"[a-z][a-z-]*", each)]
        assert {*targets} <= TARGETS, f"{name}: {' '.join(words)}"


@pytest.mark.parametrize("name", NAMES)
def test_every_module_and_command_exists(name):
    for words in every_command(name):
        if words[:2] == ["python", "-m"] and words[2].split(".")[0] in ("pipeline", "benchmarks"):
            assert importlib.util.find_spec(words[2]), f"{name}: {' '.join(words)}"
        if words[0] == "digits" and re.fullmatch(r"[a-z][a-z-]*", words[1] if words[1:] else ""):
            assert words[1] in MODULES, f"{name}: {' '.join(words)}"


def every_command(name):
    """Return the commands of a document's blocks and spans."""
    texts = [*(block.text for block in documents.shell(name)), *documents.spans(name)]
    return [words for text in texts for words in documents.commands(text)]


def test_commands_that_no_test_runs_are_accepted_as_far_as_their_settings():
    """Those in the text, and those of blocks that are marked as not run."""
    refused = {}
    for words in {tuple(words): None for name in NAMES for words in not_run(name)}:
        module, arguments = started(words)
        if module and module.startswith("pipeline") and not INSTEAD & {*arguments}:
            line = refusal(*lighter(module, arguments), PARAMS)
            if line and not told_by_the_reader(line, arguments):
                refused[" ".join(words)] = line
    assert not refused


def lighter(module, arguments):
    """Return a command that takes the same settings and starts faster: a sweep's first experiment.

    Dots that stand for more are left out.
    """
    given = [each for each in arguments if each != "…"]
    if module != "pipeline.sweep" or any(re.match(r"race\.|hydra|.*glob", each) for each in given):
        return module, given
    return EXPERIMENT, [re.sub(r",(?![^\[{(]*[\]})]).*", "", each) for each in given]


def not_run(name):
    marked = [
        b.text for b in documents.blocks(name) if b.language == "sh" and b.not_run is not None
    ]
    texts = [*marked, *documents.spans(name)]
    return [words for text in texts for words in documents.commands(text)]


def started(words):
    """Return the module that a command starts, and its arguments; None for other programs."""
    module, arguments = None, ()
    if words[:2] == ("python", "-m"):
        module, arguments = words[2], words[3:]
    elif words[0] == "digits" and words[1:2] and words[1] in MODULES:
        module, arguments = MODULES[words[1]], words[2:]
    elif words[0] == "digits":
        module, arguments = EXPERIMENT, words[1:]
    return EXPERIMENT if module == "pipeline" else module, arguments


def test_every_setting_in_the_text_is_taken_by_a_command():
    settings = {tuple(words): None for name in NAMES for words in documents.settings(name)}
    refused = {
        " ".join(words): reason
        for words in settings
        if not NO_SETTINGS & {*words} and (reason := refused_by_all(words))
    }
    assert not refused


def refused_by_all(words):
    """Return why no command takes some settings; None if one does."""
    reasons = []
    for module in takers(words[0]):
        line = refusal(module, words, PARAMS)
        if not line or told_by_the_reader(line, words):
            return None
        reasons.append(line)
    return "; ".join(reasons)


def told_by_the_reader(line, words):
    """Return whether a command only refuses what stands for a value."""
    values = " ".join(word.partition("=")[2] for word in words)
    return "unknown key" not in line and bool(PLACEHOLDER.search(values))


def takers(setting):
    """Return the modules of the commands that may take a setting."""
    key = setting.lstrip("+~").partition("=")[0]
    of_section = {"race": "pipeline.sweep", "search": "pipeline.search", "simplest": PROMOTE}
    if (section := re.split(r"[./]", key)[0]) in of_section:
        return [of_section[section]]
    return [*(module for module in COMMANDS.values() if key in options(module)), EXPERIMENT]


@cache
def options(module):
    """Return the names of a command's own options."""
    classes = [each for each in vars(importlib.import_module(module)).values() if is_options(each)]
    return {name for each in classes for name in each.model_fields}


def is_options(each):
    return isinstance(each, type) and issubclass(each, Options)
