"""A configuration composed here is the one that Hydra's own start composes."""

import logging
import sys

import pytest

from pipeline.config.composing import compose

OVERRIDES = ["model=cnn", "train.epochs=3"]


def test_a_command_composes_its_configuration_once(started):
    handed, times = started(*OVERRIDES)
    assert handed == [compose(OVERRIDES)]
    assert times == 1


@pytest.mark.parametrize("setting", ["hydra.job.name=another", "++hydra.job.name=another"])
def test_settings_of_hydra_own_are_left_to_hydra(started, setting):
    handed, times = started(*OVERRIDES, setting)
    assert handed == [compose(OVERRIDES)]
    assert times > 1


def test_a_value_may_name_what_hydra_knows_of_the_command(started):
    (handed,), times = started("tracking.experiment=${hydra:runtime.choices.model}")
    assert handed["tracking"]["experiment"] == "mlp"
    assert times == 1


def test_logs_are_written_as_configured(started, capsys):
    started()
    logging.getLogger("pipeline").warning("beware")
    assert capsys.readouterr().err == "warning: beware\n"


@pytest.mark.parametrize("start", [[], ["hydra.verbose=false"]], ids=["here", "hydra"])
def test_an_error_of_the_task_is_no_error_of_composing(started, start):
    """It is ours, so its traceback is wanted."""

    def broken(_):
        raise ValueError("of the task")

    with pytest.raises(ValueError, match=r"^of the task$"):
        started(*start, run=broken)


@pytest.mark.parametrize("start", [[], ["hydra.verbose=false"]], ids=["here", "hydra"])
def test_what_cannot_be_resolved_is_reported_in_one_line(started, capsys, start):
    with pytest.raises(SystemExit):
        started("tracking.experiment=${nobody}", *start)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "nobody" in line


@pytest.mark.parametrize("start", [[], ["hydra.verbose=false"]], ids=["here", "hydra"])
def test_the_arguments_of_the_process_stay_as_they_were_typed(started, start):
    typed = ["predict.images=/a(b)", *start]
    started(*typed)
    assert sys.argv == ["command", *typed]


def test_a_flag_that_asks_for_something_else_is_not_followed_by_the_task(started, capsys):
    with pytest.raises(SystemExit) as ended:
        started("--cfg", "job", "train.epochs=3", run=pytest.fail)
    assert ended.value.code == 0
    assert "epochs: 3" in capsys.readouterr().out
