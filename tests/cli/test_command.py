"""A command's run: what it is handed, and how it refuses."""

import gc
import os
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from pipeline.cli import command
from pipeline.config.params import read_params
from pipeline.config.places import ROOT
from pipeline.system.environment import NO_TELEMETRY
from pipeline.system.errors import InputError
from pipeline.system.garbage import GC_THRESHOLD


def test_a_command_seldom_looks_for_garbage(started):
    gc.set_threshold(700)
    started()
    assert gc.get_threshold()[0] == GC_THRESHOLD


def test_a_command_settles_the_environment(started, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://not_installed")
    started()
    assert os.environ["MPLBACKEND"] == "agg"
    assert os.environ.items() >= NO_TELEMETRY.items()


@pytest.mark.parametrize(
    ("typed", "key", "meant"),
    [
        (None, "images", "data/custom"),
        ("predict.images=pictures", "images", "{here}/pictures"),
        ("predict.images=[a,/b/c]", "images", "['{here}/a', '/b/c']"),
        ("predict.output=~/out", "output", "{home}/out"),
    ],
)
def test_a_stage_typed_elsewhere_runs_in_the_project_on_the_paths_typed_there(
    monkeypatch, tmp_path, typed, key, meant
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stage", *([typed] if typed else [])])
    ran = []
    command.run_stage(lambda config: ran.append((Path.cwd(), config.predict)), None)
    ((folder, predict),) = ran
    assert folder == ROOT
    assert str(getattr(predict, key)) == meant.format(here=tmp_path, home=Path.home())


def test_a_missing_params_yaml_is_reported_in_one_line(monkeypatch, capsys):
    def missing():
        raise InputError("params.yaml: no such file")

    monkeypatch.setattr(command, "read_params", missing)
    with pytest.raises(SystemExit):
        command.run_stage(print, None)
    assert capsys.readouterr().err == "error: params.yaml: no such file\n"


def test_a_section_that_params_yaml_lacks_is_reported(monkeypatch, capsys):
    lacking = {key: value for key, value in read_params().items() if key != "tracking"}
    monkeypatch.setattr(command, "read_params", lambda: lacking)
    monkeypatch.setattr("sys.argv", ["stage", "tracking.enabled=false"])
    GlobalHydra.instance().clear()
    with pytest.raises(SystemExit):
        command.run_stage(print, None)
    assert "params.yaml: lacks tracking.enabled; `digits`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            "pipeline.__main__ model=transformer",
            "model=transformer: no such choice; known here: cnn",
        ),
        (
            "pipeline.__main__ data=fashon",
            "data=fashon: no such choice; did you mean fashion_mnist?",
        ),
        ("pipeline.__main__ epochs=3", "epochs: unknown key; did you mean train.epochs?"),
        (
            "pipeline.__main__ model.epochs=3",
            "model.epochs: unknown key; did you mean train.epochs?",
        ),
        ("pipeline.__main__ hidden_units=64", "unknown key; did you mean model.hidden_units?"),
        ("pipeline.__main__ lr=1", "did you mean train.learning_rate or lines.learning_rate?"),
        ("pipeline.__main__ modle=cnn", "modle: unknown key; did you mean model=…?"),
        ("pipeline.__main__ optimizer=sgd", "unknown key; did you mean train/optimizer=…?"),
        (
            "pipeline.__main__ layers=3",
            "layers: unknown key; known here: data, experiment, lines, m",
        ),
        (
            "pipeline.__main__ train.optimizer=adm",
            "train.optimizer='adm': `digits train/optimizer=NAME` chooses it; did",
        ),
        (
            "pipeline.__main__ --epochs=3",
            "unrecognized arguments: --epochs=3; write settings as KEY",
        ),
        ("pipeline.stages.train epochs=3", "epochs: unknown key; did you mean train.epochs?"),
        ("pipeline.__main__ train.epochs=0", "train.epochs=0: input should be greater"),
        ("pipeline.__main__ train.epochs=[", "train.epochs='[': input should be a valid integer"),
        ("pipeline.__main__ train.learning_rate=nan", "input should be a finite number"),
        ("pipeline.__main__ model=cnn model.hidden_units=[64]", "did you mean model.dense_units?"),
        (
            "pipeline.__main__ data=mnist_5000 data.path=x",
            "data.path: unknown key; known here: data._",
        ),
        ("pipeline.__main__ model=null", "cannot compose a configuration: Config group override"),
        ("pipeline.__main__ --resolve", "cannot compose a configuration: The --resolve flag"),
        (
            "pipeline.__main__ --multirun hydra/launcher=joblib train.epochs=1,2",
            "`digits sweep` runs many",
        ),
        ("pipeline.stages.prepare +=", "+=: cannot compose a configuration: "),
        ("pipeline.stages.train model=cnn", "use `digits model=…`"),
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
        ("pipeline.sweep experiment=glob(*) train.epochs=0", "trial 1 of 5: train.epochs=0"),
        ("pipeline.sweep train.epoks=1,2", "train.epoks: unknown key; did you mean train.epochs"),
        ("pipeline.sweep -m train.epochs=0", "trial 1 of 1: train.epochs=0"),
        ("pipeline.sweep train.epochs=range(1,1)", "no trial to run: a glob(…) or range(…)"),
        (
            "pipeline.sweep model=mlp,cnn model.hidden_units=[8],[9]",
            "model.hidden_units: not all of the chosen variants have this key",
        ),
        ("pipeline.search search.trialz=5", "unknown key; did you mean search.trials?"),
        ("pipeline.promote seed=1", "seed: unknown key; known here: run"),
        ("pipeline.sweep hydra/launcher=basic train.epochs=1,2", "leave it out"),
        (
            "pipeline.sweep hydra/launcher=joblib hydra.launcher.n_jobs=0 seed=1,2",
            "n_jobs=0: must be -1",
        ),
        ("pipeline.promote run=" + "0" * 31 + "a tracking.enabled=3", "tracking.enabled=3: input"),
    ],
)
def test_bad_input_ends_in_one_line(refused, arguments, expected, monkeypatch):
    monkeypatch.chdir(ROOT)
    line = refused(*arguments.split())
    assert line.startswith("error: ")
    assert expected in line
