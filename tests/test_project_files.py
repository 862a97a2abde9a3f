"""What hosts, editors and people read: the changelog, the citation, the hooks."""

import re
import tomllib

import yaml

from pipeline.config.places import ROOT

PACKAGE = ROOT / "pipeline"
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
RELEASE = re.compile(r"^## \[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d)$", re.MULTILINE)


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def targets():
    return set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))


def test_the_changelog_begins_with_what_is_unreleased_and_the_version_of_the_project():
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", text("CHANGELOG.md"), re.MULTILINE)
    assert headings[:2] == ["Unreleased", version]


def test_the_changelog_lists_every_release_newest_first_in_known_sections():
    releases = RELEASE.findall(text("CHANGELOG.md"))
    assert len(releases) == text("CHANGELOG.md").count("\n## ") - 1
    newest_first = sorted(releases, key=lambda each: (each[3], *map(int, each[:3])), reverse=True)
    assert releases == newest_first
    assert set(re.findall(r"^### (.+)$", text("CHANGELOG.md"), re.MULTILINE)) <= KINDS


def test_the_version_is_written_nowhere_else():
    """The service and whoever else needs it read it from the installed package."""
    assert "version" not in yaml.safe_load(text("CITATION.cff"))
    code = [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "hydra_plugins").rglob("*.py")]
    assert not [file for file in code if "__version__" in file.read_text(encoding="utf-8")]


def test_the_hooks_run_what_ci_runs():
    [repository] = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    entries = [hook["entry"] for hook in repository["hooks"]]
    assert entries
    for entry in entries:
        assert entry in text(".ci/run").splitlines()
        assert entry.removeprefix("make ") in targets()


def test_a_host_runs_ci_on_versions_that_are_known_and_weekly_the_newest_packages():
    workflow = yaml.safe_load(text(".github/workflows/checks.yml"))
    [job] = workflow["jobs"].values()
    commands = {step["run"]: step.get("if", "") for step in job["steps"] if "run" in step}
    assert commands[".ci/run"] == "github.event_name != 'schedule'"
    made = [each for each in commands if each.startswith("make ")]
    assert {each.split()[1] for each in made} == {"test-long", "test-versions"} <= targets()
    [weekly] = [each for each in made if commands[each] == "github.event_name == 'schedule'"]
    assert "--only newest" in weekly
    pythons = job["strategy"]["matrix"]["python"]
    assert all(f'"{python}"' in text(".ci/versions.py") for python in pythons)
    assert f'requires-python = ">={pythons[0]}"' in text("pyproject.toml")


def test_the_places_to_change_exist():
    """A row names what is added by NAME, and beside it files that are there."""
    table = (
        text("CONTRIBUTING.md").partition("| change | files | runs again |")[2].partition("\n\n")[0]
    )
    named = {path for row in table.splitlines()[2:] for path in re.findall(r"`([\w/.]+)`", row)}
    paths = {path for path in named if "NAME" not in path and not path.endswith(":")}
    assert len(paths) > 10
    assert not {
        path for path in paths if not (ROOT / path).exists() and not (PACKAGE / path).exists()
    }
