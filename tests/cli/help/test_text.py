"""The text of `--help`."""

import os
import subprocess
import sys

import pytest

from pipeline import gc, promote, read, register, report, serve, sweep, teach, ui
from pipeline.cli.command_line import CommandLine
from pipeline.cli.entry import MODULES
from pipeline.cli.help.text import help_text, own_values, words_of
from pipeline.config.composing import compose
from pipeline.config.places import ROOT, choices
from pipeline.config.schema import Config
from pipeline.experiments.searching.space import Search

EXPERIMENT = CommandLine((), "config", "Run it.", sections=tuple(Config.model_fields))
CHOSEN = [
    [],
    ["data=folder", "train/schedule=constant"],
    ["data=fashion_mnist", "train/optimizer=sgd"],
    ["model=cnn", "train/optimizer=adamw", "train/distortion=strong"],
]
TOOLS = {
    module: getattr(module, name)
    for module, name in (
        (gc, "GcOptions"), (promote, "PromoteOptions"), (read, "ReadOptions"),
        (register, "RegisterOptions"), (report, "ReportOptions"), (serve, "ServeOptions"),
        (teach, "TeachOptions"), (ui, "UiOptions"),
    )
}  # fmt: skip
COMMANDS = [
    *((EXPERIMENT, chosen) for chosen in CHOSEN),
    *((CommandLine((), "tool", "", options), []) for options in TOOLS.values()),
    (CommandLine((), "config", "", sweep.RaceSettings, "race."), ["+race=default"]),
    (CommandLine((), "config", "", Search, "search."), ["+search=mlp"]),
]


@pytest.mark.parametrize(("line", "chosen"), COMMANDS)
def test_every_key_has_a_sentence_and_a_range_and_an_example(line, chosen):
    tree = compose(chosen)
    own = line.options().model_dump() if line.options and not line.at else {}
    words = words_of(line, {**tree, **own})
    values, _ = own_values(line, {**tree, **own})
    assert values
    for key, value in values.items():
        sentence, _, allowed = words(key).rpartition(" (")
        assert sentence.endswith("."), key
        assert allowed.endswith(")"), key
        assert value is not None or f"`{key}=" in sentence, key


def test_every_choice_is_described():
    printed = help_text(EXPERIMENT, compose([]))
    for group in ("data", "experiment", "model", "tracking", "train/distortion", "train/optimizer"):
        for choice in choices(group):
            (line,) = [each for each in printed.splitlines() if f"  {group}={choice} " in each]
            assert line.split(maxsplit=1)[1][0].isupper() or line.split()[1][0].isdigit()


def test_values_are_shown_as_they_are_now():
    printed = help_text(EXPERIMENT, compose(["model=cnn", "train.threads=2"]))
    assert "  model.filters=[16,32,64] " in printed
    assert "  train.threads=2 " in printed
    assert "hidden_units" not in printed


def test_a_stage_describes_the_sections_that_it_reads_alone():
    line = CommandLine((), "stage", "Train.", sections=("seed", "train"))
    printed = help_text(line, compose([]))
    assert "  train.epochs=12 " in printed
    assert "  train.optimizer.beta_1=0.9 " in printed
    assert "predict." not in printed
    assert printed.endswith(
        "`digits settings` lists all settings of an experiment, and says what each means."
    )


def test_a_stage_that_reads_no_section_points_to_the_settings():
    printed = help_text(CommandLine((), "stage", "Measure."), compose([]))
    assert printed.splitlines()[0] == "Measure."
    assert "KEY=VALUE" not in printed


def test_a_line_is_as_long_as_the_terminal_is_wide(monkeypatch):
    tree = compose([])
    for columns, longest in ((80, 80), (300, 100)):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = help_text(EXPERIMENT, tree).splitlines()
        assert longest - 5 <= max(map(len, lines)) <= longest


@pytest.mark.parametrize(
    ("command", "own", "others"),
    [
        ("predict-custom", "  predict.mode=digit ", "tracking.uri"),
        ("sweep", "  race.seeds=null ", "train.epochs="),
        ("ui", "  port=5000 ", "train.epochs="),
    ],
)
def test_help_says_what_a_command_does_and_then_its_own_settings(command, own, others):
    ended = subprocess.run(
        [sys.executable, "-m", MODULES[command], "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    about, settings = ended.stdout.split("settings (KEY=VALUE), with their values as they are now:")
    assert f"`digits {command}" in about
    assert settings.splitlines()[1].startswith(own)
    assert others not in settings


def test_help_of_settings_that_do_not_exist_is_one_line():
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.ui", "prot=1", "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.stderr == "error: prot: unknown key; did you mean port?\n"


def test_help_of_a_sweep_may_come_after_its_values():
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.sweep", "seed=1,2", "model=mlp,cnn", "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.stderr == ""
    assert "  race.seeds=null " in ended.stdout


def test_help_ends_quietly_when_nobody_reads_on():
    read_end, write = os.pipe()
    os.close(read_end)
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.stages.train", "--help"],
        cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert ended.stderr == ""
