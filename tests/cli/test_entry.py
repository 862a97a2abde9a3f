"""The command `digits`: what its first word runs."""

import logging
import subprocess
import sys
from importlib.util import find_spec

import pytest

from pipeline.cli import entry


@pytest.fixture
def typed(monkeypatch):
    """Type `digits` with arguments; return the module that would run, with its arguments."""
    ran = []

    def run_module(name, run_name, alter_sys):
        assert (run_name, alter_sys) == ("__main__", True)
        ran.append((name, *sys.argv[1:]))

    monkeypatch.setattr(entry.runpy, "run_module", run_module)
    monkeypatch.setattr(logging.root, "handlers", [])

    def run(*arguments):
        ran.clear()
        monkeypatch.setattr("sys.argv", ["digits", *arguments])
        entry.main()
        return next(iter(ran), None)

    return run


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", "pipeline"),
        ("model=cnn train.epochs=3", "pipeline model=cnn train.epochs=3"),
        ("--cfg job", "pipeline --cfg job"),
        ("-m seed=1,2", "pipeline -m seed=1,2"),
        ("+a=1", "pipeline +a=1"),
        ("~train.distortion", "pipeline ~train.distortion"),
        ("hydra.verbose=true", "pipeline hydra.verbose=true"),
        ("sweep seed=1,2", "pipeline.sweep seed=1,2"),
        ("sweep --help", "pipeline.sweep --help"),
        ("train-lines lines.rounds=1", "pipeline.stages.train_lines lines.rounds=1"),
    ],
)
def test_the_first_word_chooses_what_runs(typed, arguments, expected):
    assert " ".join(typed(*arguments.split())) == expected


@pytest.mark.parametrize("name", entry.MODULES.values())
def test_every_command_exists(name):
    assert find_spec(name) is not None


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("swep", "sweep"),
        ("train.epochs", "train.epochs=VALUE"),
        ("seven.png", "`digits read seven.png`"),
    ],
)
def test_an_unknown_word_is_refused_in_one_line(typed, capsys, tmp_path, monkeypatch, word, meant):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seven.png").touch()
    with pytest.raises(SystemExit) as ended:
        typed(word, "seed=1,2")
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said == f"error: {word}: no such command; did you mean {meant}?\n"


def test_help_lists_every_command_with_a_sentence_and_runs_nothing(typed, capsys):
    assert typed("--help") is None
    lines = capsys.readouterr().out.splitlines()
    assert "  sweep           Run every combination of several values" in lines
    for name in entry.MODULES:
        (line,) = [each for each in lines if each.startswith(f"  {name} ")]
        assert len(line.split()) > 2


def test_a_command_becomes_the_main_module_as_with_python_m():
    """What it starts finds it there, and a run that it records tells its name."""
    code = (
        "import sys; sys.argv[1:] = ['predict-custom', 'predict.chunk_size=0']\n"
        "from pipeline.cli import entry, messages\n"
        "noted = messages.fail\n"
        "def fail(text): print(sys.modules['__main__'].__spec__.name); noted(text)\n"
        "import pipeline.cli.explaining as explaining; explaining.fail = fail\n"
        "entry.main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout == "pipeline.stages.predict_custom\n"
    assert "predict.chunk_size=0: input should be" in ended.stderr


def test_nothing_heavy_is_imported_before_a_command_is_known():
    code = (
        "import sys; from pipeline.cli import entry; sys.argv[1:] = ['--help']; entry.main(); "
        "heavy = {'hydra', 'omegaconf', 'pydantic', 'numpy', 'mlflow', 'tensorflow'}; "
        "raise SystemExit(' '.join(heavy & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stderr.strip() == ""


def test_settings_lists_those_of_an_experiment_with_its_choices(typed, capsys):
    with pytest.raises(SystemExit) as ended:
        typed("settings", "model=cnn")
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert "  model.filters=[16,32,64] " in printed
    assert "hidden_units" not in printed


@pytest.mark.parametrize("word", ["\x1b[31m", "é/../.", "a b", "'", "*", "\udce9", "x" * 9000])
def test_any_word_that_is_no_command_is_refused_in_one_printable_line(typed, word, capsys):
    with pytest.raises(SystemExit):
        typed(word)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert line.isprintable()


def test_an_interruption_while_modules_are_imported_is_one_line(typed, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(entry.runpy, "run_module", interrupted)
    with pytest.raises(SystemExit) as ended:
        typed("sweep")
    assert ended.value.code == 130
    assert capsys.readouterr().err == "error: interrupted\n"
