"""What dvc.yaml says a stage depends on is what its code can reach."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "pipeline"
# What is recorded about a run changes none of its outputs.
NAMED_EXCEPTION = set((PACKAGE / "tracking").glob("*.py"))
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def module_file(name: str) -> Path | None:
    """Find the file of a module of ours; a package's `__init__` holds a docstring alone."""
    path = ROOT / Path(*name.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def imported_files(path: Path) -> set[Path]:
    """Find the files of ours that a file imports, at its top or within its functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {file for name in names if (file := module_file(name))}


def targets(tree: object) -> set[str]:
    """Collect the modules that `_target_` nodes name."""
    if not isinstance(tree, dict):
        return set()
    own = {tree["_target_"].rpartition(".")[0]} if "_target_" in tree else set()
    return own.union(*map(targets, tree.values()))


def configured_files(stage: str) -> set[Path]:
    """Find the files that any choice in the conf/ groups of a stage's params can call."""
    sections = STAGES[stage].get("params", [])
    trees = [tree for section in sections for tree in choices(section)]
    trees += [tree for each in trees for group in groups_taken(each) for tree in choices(group)]
    modules = set().union(*map(targets, trees)) if trees else set()
    return {file for name in modules if (file := module_file(name))}


def choices(group: str) -> list[object]:
    return [yaml.safe_load(file.read_text()) for file in (ROOT / "conf" / group).rglob("*.yaml")]


def groups_taken(tree: object) -> list[str]:
    """Name the groups that a choice takes from elsewhere in conf/, as `/group@place: choice`."""
    defaults = tree.get("defaults", []) if isinstance(tree, dict) else []
    named = [key for entry in defaults if isinstance(entry, dict) for key in entry]
    return [key[1:].partition("@")[0] for key in named if key.startswith("/")]


def reachable(stage: str) -> set[str]:
    command = STAGES[stage]["cmd"].split()[-1]
    waiting = {module_file(command)} | configured_files(stage)
    seen: set[Path] = set(NAMED_EXCEPTION)
    while waiting:
        file = waiting.pop()
        seen.add(file)
        waiting |= imported_files(file) - seen
    return {file.relative_to(ROOT).as_posix() for file in seen - NAMED_EXCEPTION}


def test_what_distorts_rows_is_code_of_their_stage():
    assert PACKAGE / "digits" / "augmentation.py" in configured_files("train-rows")


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_the_import_closure(stage):
    declared = {dep for dep in STAGES[stage]["deps"] if dep.startswith("pipeline/")}
    assert declared == reachable(stage)


def test_packages_hold_no_code_of_their_own():
    for file in PACKAGE.rglob("__init__.py"):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        assert len(body) == 1, file
        assert isinstance(body[0], ast.Expr), file


def test_tracking_is_no_parameter_of_any_stage():
    for stage in STAGES.values():
        assert not [name for name in stage.get("params", []) if name.startswith("tracking")]


def test_every_output_is_cached():
    """One output outside the cache would switch DVC's run-cache off for its stage."""
    for stage in STAGES.values():
        assert all(isinstance(out, str) for out in stage["outs"])
