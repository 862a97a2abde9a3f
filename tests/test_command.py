"""How a command starts: composed once, and the same as Hydra's own start composes."""

import logging

import pytest
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra

from pipeline.command import run_command
from pipeline.config import CONF_DIR, compose

OVERRIDES = ["model=cnn", "train.epochs=3"]


@pytest.fixture
def started(monkeypatch):
    """Start a command with arguments; give what it was handed, and how often Hydra composed."""
    composed = []
    original = Hydra.compose_config

    def counted(*arguments, **options):
        composed.append(options["config_name"])
        return original(*arguments, **options)

    monkeypatch.setattr(Hydra, "compose_config", counted)
    monkeypatch.setattr(logging.root, "handlers", [])

    def start(*arguments):
        handed = []
        monkeypatch.setattr("sys.argv", ["command", *arguments])
        GlobalHydra.instance().clear()
        composed.clear()
        run_command(handed.append, CONF_DIR, "config")
        return handed, len(composed)

    return start


def test_a_command_composes_its_configuration_once(started):
    handed, times = started(*OVERRIDES)
    assert handed == [compose(OVERRIDES)]
    assert times == 1


def test_settings_of_hydra_own_are_left_to_hydra(started):
    handed, times = started(*OVERRIDES, "hydra.job.name=another")
    assert handed == [compose(OVERRIDES)]
    assert times > 1


def test_logs_are_told_as_configured(started, capsys):
    started()
    logging.getLogger("pipeline").warning("beware")
    assert capsys.readouterr().err == "warning: beware\n"


def test_what_cannot_be_composed_is_told_in_one_line(started, capsys):
    with pytest.raises(SystemExit) as ended:
        started("train.epoks=3")
    assert ended.value.code == 1
    assert (
        capsys.readouterr().err == "error: train.epoks: unknown key; did you mean train.epochs?\n"
    )
