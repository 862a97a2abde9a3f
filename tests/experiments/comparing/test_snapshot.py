"""What is kept of an experiment for the next one."""

import json

import pytest

from pipeline.experiments.comparing import snapshot as module
from pipeline.experiments.comparing.snapshot import Answers, History, Snapshot, take_snapshot
from pipeline.inventory import network as inventory


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """Return a folder in the place of reports/, with what evaluate and predict-custom leave."""
    for place in (module, inventory):
        monkeypatch.setattr(place, "REPORTS", tmp_path)
    monkeypatch.setattr(inventory, "MODELS", tmp_path / "models")
    monkeypatch.setattr(inventory, "ONNX_FILE", tmp_path / "models" / "model.onnx")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.onnx").write_text("")
    (tmp_path / "evaluate").mkdir()
    for folder in ("models", "evaluate"):
        (tmp_path / folder / "run_id.txt").write_text("3" * 32)
    (tmp_path / "own" / "read_by.txt").parent.mkdir()
    (tmp_path / "own" / "read_by.txt").write_text("mlp 8")
    (tmp_path / "evaluate" / "metrics.json").write_text(json.dumps({"test_accuracy": 0.5}))
    (tmp_path / "evaluate" / "predictions.csv").write_text("actual,predicted\n7,7\n1,7\n")
    (tmp_path / "own" / "metrics.json").write_text(json.dumps({"custom_accuracy": 1.0}))
    (tmp_path / "own" / "predictions.csv").write_text("file,digit\na.png,3\nb.png,\nc.png,1\n")
    (tmp_path / "own" / "labels.csv").write_text("file,label\na.png,3\nb.png,4\n")
    return tmp_path


def params(reports):
    return {"seed": 1, "predict": {"output": str(reports / "own"), "images": str(reports / "own")}}


def test_a_snapshot_says_which_pictures_were_read_right(reports):
    taken = take_snapshot(params(reports))
    assert taken.test == Answers(0.5, 2, {"0 7": True, "1 1": False})
    assert taken.custom == Answers(1.0, 2, {"a.png": True, "b.png": False})


def test_what_was_not_measured_is_unknown(reports):
    (reports / "evaluate" / "metrics.json").unlink()
    assert take_snapshot(params(reports)).test is None


def test_what_was_measured_of_another_network_is_not_taken_for_this_ones(reports):
    (reports / "evaluate" / "run_id.txt").write_text("4" * 32)
    assert take_snapshot(params(reports)).test is None


def test_pictures_are_found_from_any_folder(reports, monkeypatch):
    monkeypatch.setattr(module, "project_path", lambda name: reports / name)
    monkeypatch.chdir("/")
    relative = {"seed": 1, "predict": {"output": "own", "images": "own"}}
    assert take_snapshot(relative).custom.right == {"a.png": True, "b.png": False}


def test_a_table_that_cannot_be_read_tells_nothing(reports):
    (reports / "evaluate" / "predictions.csv").write_bytes(b"actual,predicted\n\xff,7\n")
    assert take_snapshot(params(reports)).test == Answers(0.5)


def test_the_number_of_pictures_follows_from_the_mistakes():
    metrics = {"test_accuracy": 0.9916, "test_mistakes": 84}
    assert module.answers(metrics, "test").pictures == 10_000


def snapshot(seed, accuracy=0.9):
    return Snapshot({"seed": seed}, Answers(accuracy, 10, {"0 7": True}), None)


def test_the_one_before_is_the_newest_other_one_however_often_one_looks(tmp_path):
    history = History(tmp_path)
    assert history.before(snapshot(1)) is None
    for seed in (1, 2):
        history.keep(snapshot(seed))
    for _ in range(2):
        assert history.before(snapshot(2)) == snapshot(1)
        history.keep(snapshot(2))
    assert history.before(snapshot(3)) == snapshot(2)
    assert history.of_settings({"seed": 1}) == snapshot(1)
    assert history.of_settings({"seed": 9}) is None


def test_the_same_settings_with_another_result_are_another_experiment(tmp_path):
    history = History(tmp_path)
    history.keep(snapshot(1, 0.8))
    assert history.before(snapshot(1, 0.9)) == snapshot(1, 0.8)


def test_only_so_many_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 3)
    for seed in range(5):
        History(tmp_path).keep(snapshot(seed))
    assert len(list(tmp_path.iterdir())) == 3 + 1


def test_a_damaged_history_begins_anew(tmp_path):
    (tmp_path / "order.json").write_text("junk{")
    assert History(tmp_path).before(snapshot(1)) is None
