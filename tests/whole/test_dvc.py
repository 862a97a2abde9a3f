"""What dvc.yaml says a stage depends on is what its code can reach."""

import ast
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pipeline"
# What is recorded about a run, and how a command words its errors, change none of its outputs; nor
# does what DVC is told to ignore.
IGNORED = [line for line in (ROOT / ".dvcignore").read_text().splitlines() if line.startswith("/")]
NAMED_EXCEPTIONS = {
    *(PACKAGE / "tracking").rglob("*.py"),
    *(PACKAGE / "cli").rglob("*.py"),
    *(ROOT / line[1:] for line in IGNORED),
}
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
    seen: set[Path] = set(NAMED_EXCEPTIONS)
    while waiting:
        file = waiting.pop()
        seen.add(file)
        waiting |= imported_files(file) - seen
    return {file.relative_to(ROOT).as_posix() for file in seen - NAMED_EXCEPTIONS}


def test_how_lines_are_composed_concerns_no_reading_and_how_numbers_are_read_no_training():
    composing = "pipeline/digits/line_training/writing/composing.py"
    numbers = "pipeline/digits/recognition/number.py"
    assert composing in reachable("train-lines") - reachable("predict-custom")
    assert numbers in reachable("predict-custom") - reachable("train-lines")


def test_only_evaluate_reaches_what_measures_robustness():
    folder = "pipeline/digits/robustness/"
    reaching = [stage for stage in STAGES if any(f.startswith(folder) for f in reachable(stage))]
    assert reaching == ["evaluate"]


def declared(stage: str) -> list[str]:
    return [dep for dep in STAGES[stage]["deps"] if dep.startswith("pipeline/")]


@pytest.mark.parametrize("stage", STAGES)
def test_all_code_that_a_stage_reaches_is_declared(stage):
    covered = declared(stage)
    missing = [
        file
        for file in sorted(reachable(stage))
        if not any(file == dep or file.startswith(f"{dep}/") for dep in covered)
    ]
    assert missing == []


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_is_declared_that_a_stage_does_not_reach(stage):
    reached = reachable(stage)
    idle = [
        dep
        for dep in declared(stage)
        if dep not in reached and not any(file.startswith(f"{dep}/") for file in reached)
    ]
    assert idle == []


def test_what_is_declared_is_there():
    for stage in STAGES:
        assert all((ROOT / dep).exists() for dep in declared(stage))


def test_what_dvc_is_told_to_ignore_is_there():
    assert all((ROOT / line[1:]).is_file() for line in IGNORED)


def test_a_stage_names_ten_places_on_average():
    assert sum(len(declared(stage)) for stage in STAGES) <= 10 * len(STAGES)


def test_packages_hold_no_code_of_their_own():
    for file in PACKAGE.glob("*/**/__init__.py"):  # the package itself checks its surroundings
        body = ast.parse(file.read_text(encoding="utf-8")).body
        assert len(body) == 1, file
        assert isinstance(body[0], ast.Expr), file


def test_tracking_is_no_parameter_of_any_stage():
    for stage in STAGES.values():
        assert not [name for name in stage.get("params", []) if name.startswith("tracking")]


def test_every_output_is_cached_but_the_metrics_to_compare_by():
    """Any other output outside the cache would switch DVC's run-cache off for its stage."""
    for stage in STAGES.values():
        assert all(isinstance(out, str) for out in stage["outs"])
        for metrics in stage.get("metrics", []):
            assert list(metrics.values()) == [{"cache": False}]


def test_nothing_is_committed_that_only_one_machine_can_have():
    """Its hashes of networks and run ids would keep DVC from its run cache in every clone."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if "dvc.yaml" in tracked.stdout.splitlines():  # a repository of git, not only its files
        assert "dvc.lock" not in tracked.stdout.splitlines()


def test_git_keeps_the_metrics_to_compare_by_and_nothing_else_of_the_reports():
    def ignored(name):
        return subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT).returncode == 0

    if not (ROOT / ".git").exists():
        pytest.skip("no repository of git")
    metrics = [
        name for stage in STAGES.values() for each in stage.get("metrics", []) for name in each
    ]
    kept = [name.replace("${predict.output}", "reports/predict-custom") for name in metrics]
    assert len(kept) == 4
    assert not any(map(ignored, kept))
    for name in ("train/metrics.json", "evaluate/calibration.png", "predict-custom/numbers.csv",
                 "report.html", "prepare/samples.png"):  # fmt: skip
        assert ignored(f"reports/{name}")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a repository to clone")
def test_a_clone_has_the_same_bytes_where_git_is_set_up_to_change_line_ends(tmp_path):
    clone = ["git", "clone", "-q", "-c", "core.autocrlf=true", str(ROOT), str(tmp_path / "clone")]
    subprocess.run(clone, check=True)
    listed = subprocess.check_output(
        ["git", "ls-files", "--eol"], cwd=tmp_path / "clone", text=True
    ).splitlines()
    assert listed
    assert not [line for line in listed if "w/crlf" in line]


def test_no_stage_names_an_output_or_a_dependency_twice():
    for name, stage in STAGES.items():
        for listed in (stage["deps"], stage["outs"], stage.get("metrics", [])):
            places = [str(each) for each in listed]
            assert len(places) == len(set(places)), name
