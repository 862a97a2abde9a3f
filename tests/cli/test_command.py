"""How a command starts: composed once, and the same as Hydra's own start composes."""

import gc
import importlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import chain, repeat

import pytest
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException
from support.projects import wait_for

from pipeline import __main__ as experiment
from pipeline.cli import command, explaining, workspace
from pipeline.config import composing
from pipeline.config.composing import compose
from pipeline.config.params import read_params
from pipeline.config.places import ROOT
from pipeline.system.errors import InputError
from pipeline.system.machine import SELDOM

OVERRIDES = ["model=cnn", "train.epochs=3"]


@pytest.fixture
def started(monkeypatch):
    """Start a command with arguments; return what it was handed, and how often Hydra composed."""
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
        command.run_command(handed.append)
        return handed, len(composed)

    return start


def test_a_command_seldom_looks_for_garbage(started):
    gc.set_threshold(700)
    started()
    assert gc.get_threshold()[0] == SELDOM


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


def test_logs_are_told_as_configured(started, capsys):
    started()
    logging.getLogger("pipeline").warning("beware")
    assert capsys.readouterr().err == "warning: beware\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("train.epoks=3", "train.epoks: unknown key; did you mean train.epochs?"),
        ("train.epochs=1,2", "train.epochs=1,2: `python -m pipeline.sweep` tries several values"),
        ("--shell-completion", "--shell-completion: say install=SHELL"),
        ("-sc train.epochs=3", "--shell-completion: say install=SHELL"),
        ("-m train.epochs=1,2", "one experiment at a time here; `python -m pipeline.sweep`"),
    ],
)
def test_what_cannot_be_composed_is_told_in_one_line(started, capsys, arguments, told):
    with pytest.raises(SystemExit) as ended:
        started(*arguments.split())
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {told}")


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """Run a command that must end in one line of error; return that line."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(command, "read_params", lambda: compose(["data=mnist_5000"]))
    monkeypatch.setattr(logging.root, "handlers", [])

    def run(module, *arguments):
        monkeypatch.setattr("sys.argv", [module, *arguments])
        GlobalHydra.instance().clear()
        with pytest.raises(SystemExit) as ended:
            importlib.import_module(module).main()
        assert ended.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("pipeline.__main__ model=transformer", "Could not find 'model/transformer'"),
        ("pipeline.__main__ train.epochs=0", "train.epochs=0: input should be greater"),
        ("pipeline.__main__ train.epochs=[", "train.epochs='[': input should be a valid integer"),
        ("pipeline.__main__ train.learning_rate=nan", "input should be a finite number"),
        ("pipeline.__main__ model=cnn model.hidden_units=[64]", "did you mean model.dense_units?"),
        (
            "pipeline.__main__ data=mnist_5000 data.path=x",
            "data.path: unknown key; there are data._",
        ),
        ("pipeline.__main__ model=null", "nothing can be composed of that: Config group override"),
        ("pipeline.__main__ --resolve", "nothing can be composed of that: The --resolve flag"),
        (
            "pipeline.__main__ --multirun hydra/launcher=joblib train.epochs=1,2",
            "`python -m pipeline.sweep` runs many",
        ),
        ("pipeline.stages.train model=cnn", "`python -m pipeline model=…` chooses"),
        ("pipeline.stages.train model.hidden_units=[]", "model.hidden_units=[]: list should"),
        ("pipeline.stages.train +train.foo=1", "train.foo: unknown key"),
        ("pipeline.stages.prepare +data.path=nowhere", "data.path: unknown key"),
        (
            "pipeline.stages.prepare +data.path=nowhere"
            " data._target_=pipeline.digits.datasets.mnist.mnist",
            "nowhere: no such folder or file",
        ),
        ("pipeline.stages.predict_custom predict.images=nowhere", "nowhere: no such folder"),
        ("pipeline.stages.predict_custom predict.images=conf", "conf: no picture in it"),
        ("pipeline.sweep model=mlp,cnn train.epochs=0", "trial 1 of 2: train.epochs=0"),
        ("pipeline.sweep experiment=glob(*) train.epochs=0", "trial 1 of 4: train.epochs=0"),
        ("pipeline.sweep train.epoks=1,2", "train.epoks: unknown key; did you mean train.epochs"),
        ("pipeline.sweep -m train.epochs=0", "trial 1 of 1: train.epochs=0"),
        ("pipeline.sweep train.epochs=range(1,1)", "no trial to run: a glob(…) or range(…)"),
        (
            "pipeline.sweep model=mlp,cnn model.hidden_units=[8],[9]",
            "model.hidden_units: not all of these choices have it",
        ),
        ("pipeline.search search.trialz=5", "unknown key; did you mean search.trials?"),
        ("pipeline.promote seed=1", "seed: unknown key; there are run"),
        ("pipeline.sweep hydra/launcher=basic train.epochs=1,2", "leave it out"),
        ("pipeline.sweep hydra/launcher=joblib hydra.launcher.n_jobs=0 seed=1,2", "n_jobs=0: -1"),
        ("pipeline.promote run=" + "0" * 31 + "a tracking.enabled=3", "tracking.enabled=3: input"),
    ],
)
def test_bad_input_ends_in_one_line(refused, arguments, told, monkeypatch):
    monkeypatch.chdir(ROOT)
    line = refused(*arguments.split())
    assert line.startswith("error: ")
    assert told in line


@pytest.mark.parametrize("text", [b"hidden_units: [8\n", b"\xff"])
def test_what_is_no_yaml_in_conf_is_told_in_one_line(refused, text, tmp_path, monkeypatch):
    conf = tmp_path / "conf"
    shutil.copytree(command.CONF_DIR, conf)
    (conf / "model" / "mine.yaml").write_bytes(text)
    for module in (command, composing, explaining):
        monkeypatch.setattr(module, "CONF_DIR", conf)
    assert "conf: holds a file that is no YAML" in refused("pipeline.__main__", "model=mine")


def test_a_stage_needs_no_conf_to_name_its_keys(refused, tmp_path, monkeypatch):
    given = compose([])
    for module in (command, explaining):
        monkeypatch.setattr(module, "read_params", lambda: given)
    (tmp_path / "config.yaml").write_text("[")
    for module in (composing, explaining):
        monkeypatch.setattr(module, "CONF_DIR", tmp_path)
    told = refused("pipeline.stages.evaluate", "train.epoks=1")
    assert "train.epoks: unknown key; did you mean train.epochs?" in told


@pytest.mark.parametrize(
    "typed", ["tracking.experiment=chioce(a,b)", "~train=b(", "train.epochs", "--help"]
)
def test_what_may_be_meant_otherwise_gets_no_quotes(typed):
    assert command._quoted(typed) == typed


def test_a_grid_of_values_with_equals_signs_is_no_single_value(monkeypatch):
    monkeypatch.setattr("sys.argv", ["sweep", "--multirun"])
    typed = "predict.images=/runs/a=1,/runs/b=2"
    assert command._quoted(typed) == typed


@pytest.mark.parametrize("name", ["a(b)", "it's ü", 'a "b"', "a=b", "[x", "~x;y!", "日本 #&"])
def test_paths_need_no_quotes_of_hydras(started, name):
    ((tree,), _) = started(f"predict.images=/pictures/{name}")
    assert tree["predict"]["images"] == f"/pictures/{name}"


@pytest.fixture
def told(monkeypatch, caplog):
    """Run a stage whose work is done; return what it tells."""

    def run(*arguments):
        caplog.clear()
        caplog.set_level(logging.INFO)
        done = []
        monkeypatch.setattr("sys.argv", ["stage", *arguments])
        monkeypatch.setattr(command, "configure_log", lambda *_: None)
        GlobalHydra.instance().clear()
        command.run_stage(done.append)
        assert len(done) == 1
        return [record.getMessage() for record in caplog.records]

    return run


def test_a_stage_says_where_params_yaml_is_not_the_default(told, monkeypatch):
    given = read_params()
    monkeypatch.setattr(command, "read_params", lambda: {**given, "seed": given["seed"] + 1})
    assert told() == ["params.yaml differs from the defaults of conf/ in seed"]
    monkeypatch.setattr(command, "read_params", lambda: compose([]))
    assert told() == []


def test_a_stage_that_is_done_stays_done_though_its_configuration_is_being_edited(
    told, monkeypatch
):
    def broken(*_):
        raise MissingConfigException("half written")

    once = chain([read_params()], repeat(None))
    monkeypatch.setattr(command, "read_params", lambda: next(once) or broken_params())
    monkeypatch.setattr(explaining, "compose", broken)
    assert told() == []


def broken_params():
    raise InputError("not YAML")


def test_a_missing_params_yaml_is_told_in_one_line(monkeypatch, capsys):
    def missing():
        raise InputError("params.yaml: no such file")

    monkeypatch.setattr(command, "read_params", missing)
    with pytest.raises(SystemExit):
        command.run_stage(print)
    assert capsys.readouterr().err == "error: params.yaml: no such file\n"


def test_a_section_that_params_yaml_lacks_is_told(monkeypatch, capsys):
    lacking = {key: value for key, value in read_params().items() if key != "tracking"}
    monkeypatch.setattr(command, "read_params", lambda: lacking)
    monkeypatch.setattr("sys.argv", ["stage", "tracking.enabled=false"])
    GlobalHydra.instance().clear()
    with pytest.raises(SystemExit):
        command.run_stage(print)
    assert "params.yaml: lacks tracking.enabled; `python -m pipeline`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "override",
    [
        "train.init_from=models/model.keras",
        "predict.images=nowhere",
        "predict.output=/elsewhere",
        "predict.output=models/answers",
        "predict.output=reports",
        "predict.output=reports/train-rows",
        "predict.output=data/custom",
        "predict.images=.. predict.output=answers",
    ],
)
def test_what_dvc_would_refuse_late_is_refused_at_once(override, monkeypatch):
    monkeypatch.setattr(experiment, "_write_params", pytest.fail)
    with pytest.raises(InputError, match=override.split()[-1].partition("=")[0]):
        experiment.run(compose(override.split()))


# A stage of DVC's that takes as long as somebody needs to interrupt it, and tells how it ended.
STAGE = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
pathlib.Path("begun").touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)  # a training that keeps what it has
    pathlib.Path("interrupted").touch()
    raise SystemExit(130)
"""
DVC = """
import signal, subprocess, sys
stage = subprocess.Popen([sys.executable, "stage.py"])
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as DVC does while a stage runs
sys.exit(stage.wait())
"""
EXPERIMENT = """
import pathlib, sys
import pipeline.config.places
pipeline.config.places.ROOT = pathlib.Path(sys.argv.pop())
from pipeline import __main__ as experiment
from pipeline.cli.command import run_command
run_command(lambda _: experiment._reproduce())
"""


def as_from_a_terminal():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def as_from_a_script():
    """Do as its shell does for what it starts with `&`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_the_experiment_waits_for_its_stage_to_end(how, tmp_path):
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "dvc.py").write_text(DVC)
    process = subprocess.Popen(
        [sys.executable, "-c", EXPERIMENT, tmp_path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=as_from_a_script if how == signal.SIGTERM else as_from_a_terminal,
    )  # fmt: skip
    try:
        wait_for((tmp_path / "begun").exists, seconds=60)
        if how == signal.SIGINT:
            os.killpg(process.pid, how)  # as a terminal does
        else:
            process.send_signal(how)
        told, errors = process.communicate(timeout=30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert (told, errors, process.returncode) == ("", "error: interrupted\n", 130)
    assert (tmp_path / "interrupted").exists(), "the stage was not waited for"


def test_no_experiment_changes_params_yaml_while_another_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(workspace, "OWN", tmp_path / "experiment")
    monkeypatch.setattr(workspace, "OF_DVC", tmp_path / "rwlock")
    monkeypatch.setattr(experiment, "_write_params", pytest.fail)
    with (
        workspace.own_params(),
        pytest.raises(InputError, match="an experiment is running here"),
    ):
        experiment.run(compose([]))


@pytest.fixture
def rwlock(tmp_path, monkeypatch):
    monkeypatch.setattr(workspace, "OWN", tmp_path / "experiment")
    monkeypatch.setattr(workspace, "OF_DVC", tmp_path / "rwlock")
    return workspace.OF_DVC


def test_what_dvc_runs_by_itself_counts_as_an_experiment(rwlock):
    code = "import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, "dvc", "repro"]) as dvc:
        writer = {"pid": dvc.pid, "cmd": "dvc repro"}
        rwlock.write_text(json.dumps({"write": {"/a/models": writer}, "read": {}}))
        with (
            pytest.raises(InputError, match=rf"running here \(process {dvc.pid}\)"),
            workspace.own_params(),
        ):
            pass
        dvc.kill()
    with workspace.own_params():
        pass


@pytest.mark.parametrize(
    "text", ["null", "[]", '{"write": []}', "{", '{"write": {"/a": {"pid": 1, "cmd": "dvc"}}}']
)
def test_a_left_over_or_odd_file_of_dvc_holds_nobody_up(rwlock, text):
    rwlock.write_text(text)
    with workspace.own_params():
        pass


@pytest.mark.parametrize("module", ["pipeline.stages.predict_custom", "pipeline.sweep"])
def test_help_says_what_a_command_does_and_what_can_be_set(module):
    ended = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    about, settings = ended.stdout.split("Settings (KEY=VALUE):")
    assert f"`python -m {module}" in about
    assert ("model: cnn, mlp" in about) == (module == "pipeline.sweep")
    assert "tracking:\n  enabled:" in settings


def test_help_ends_quietly_when_nobody_reads_on():
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.stages.train", "--help"],
        cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert ended.stderr == ""
