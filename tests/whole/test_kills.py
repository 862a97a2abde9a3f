"""A short form of the soak: one kill of a whole experiment, and several commands at once."""

import pytest
from soak import crowd, kills
from soak.state import Checkout

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a checkout in which everything has run undisturbed."""
    folder = tmp_path_factory.mktemp("soak")
    Checkout.at(folder / "project").keep()
    return folder


def test_after_a_kill_the_same_command_comes_to_the_same_end(folder):
    checkout = Checkout.at(folder / "project")
    kill = kills.Kill(0, "train", "group")
    (command,) = kills.KINDS["experiment"]
    checkout.forget("train")
    kills.kill_after(checkout, kill, command, "epoch 1/2")
    assert kill.problems == []


def test_of_many_commands_at_once_nothing_is_lost(folder):
    workers = ((crowd.same_sweep, 0), (crowd.predict, 0), (crowd.predict, 1))
    assert crowd.run(folder, 0, workers) == []
