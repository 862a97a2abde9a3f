"""A short form of the soak, and surroundings that a machine should not have, but may."""

import resource

import pytest
from soak import crowd, kills
from soak.state import Checkout
from support.projects import SMALL

pytestmark = pytest.mark.end_to_end

# Run by every Python process of the project before anything else.
JUMPING_CLOCK = """
import itertools, time
real, jumps = time.time, itertools.cycle([0, -2e5, 3e5])
time.time = lambda: real() + next(jumps)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a checkout in which everything has run undisturbed."""
    checkout = Checkout.at(tmp_path_factory.mktemp("soak") / "project")
    checkout.wait_until_settled()
    return checkout


def test_after_a_kill_the_same_command_comes_to_the_same_end(checkout):
    kill = kills.Kill(0, "train", "group")
    (command,) = kills.KINDS["experiment"]
    checkout.forget("train")
    kills.kill_after(checkout, kill, command, "epoch 1/2")
    assert kill.problems == []


def test_of_many_commands_at_once_nothing_is_lost(checkout):
    workers = ((crowd.same_sweep, 0), (crowd.predict, 0), (crowd.predict, 1))
    assert crowd.run(checkout.folder.parent, 0, workers) == []


@pytest.mark.parametrize("stage", ["prepare", "evaluate", "predict_custom"])
def test_a_full_disk_costs_one_line_and_no_old_output(checkout, stage):
    before = checkout.results()
    command = ["python", "-m", f"pipeline.stages.{stage}", "seed=7", "tracking.enabled=false"]
    limit = (20_000, resource.RLIM_INFINITY)  # bytes a file, which fails as a full disk does
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    try:
        line = checkout.refused(*command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
    assert line.startswith("error: ")
    assert line.endswith(": File too large; fix this and run the command again")
    assert checkout.results() == before
    assert not list(checkout.folder.glob("reports/**/.*"))


def test_without_a_home_everything_works(checkout, monkeypatch):
    for home in (None, "/nowhere"):
        env = {**checkout.env, "HOME": home} if home else dict(checkout.env)
        monkeypatch.setattr(checkout, "env", env)
        if home is None:
            del env["HOME"]
        checkout.run("python", "-m", "pipeline", *SMALL)


def test_a_clock_that_jumps_changes_no_result(checkout, monkeypatch):
    (checkout.folder / "sitecustomize.py").write_text(JUMPING_CLOCK)
    monkeypatch.setattr(checkout, "env", {**checkout.env, "PYTHONPATH": str(checkout.folder)})
    try:
        for stage in ("evaluate", "predict_custom"):
            checkout.run("python", "-m", f"pipeline.stages.{stage}")
        assert checkout.problems("evaluate") == []
    finally:
        (checkout.folder / "sitecustomize.py").unlink()
