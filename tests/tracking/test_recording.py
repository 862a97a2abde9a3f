"""Runs as MLflow's own API reads them back."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock
from support.projects import free_port, wait_for

from pipeline import ui
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import DEFAULTS, data_experiment, tracking_uri
from pipeline.tracking.models import fetch_keras_model
from pipeline.tracking.names import DATA_DIGEST_TAG
from pipeline.tracking.past_runs import read_experiments
from pipeline.tracking.recording import client as recorder_client
from pipeline.tracking.recording import recorder as runs
from pipeline.tracking.recording.keras_flavor import KERAS_FILE
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import child_run, new_run, reopened_run, run_written_later
from pipeline.tracking.recording.run_writer import MONITORED_EVERY
from pipeline.tracking.registry.fetching import fetch_network, pin
from pipeline.tracking.registry.registry import Registry
from pipeline.tracking.store import open_store
from pipeline.tracking.trial_runs import recorded_config

SETTINGS = Tracking(enabled=True, uri=None, experiment="digits")
TRAIN = RunRequest("digits", "mlp 8 · 1 epoch", {"stage": "train"})
LOST = RunRequest("digits", "replacement of a lost run", {})
PICTURES = RunRequest("digits", "pictures in custom", {})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return the folder of one local store for all tests: making a database takes seconds."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def in_store(store, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(store))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_EXP_NAME", "lucky-cat")


@pytest.fixture
def client(store):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{store / 'mlflow.db'}")


def children(client, run_id):
    experiment = client.get_experiment_by_name("digits").experiment_id
    return client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}'")


def recorded_training():
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.metrics({"loss": 0.5}, step=1)
        return recorder.run_id()


def test_a_run_holds_what_was_recorded(client, tmp_path):
    (tmp_path / "metrics.json").write_text("{}")
    request = RunRequest(TRAIN.experiment, TRAIN.name, TRAIN.tags)
    with new_run(SETTINGS, request) as recorder:
        recorder.params(
            {"model": {"_target_": "pipeline.digits.training.networks.mlp", "hidden_units": [8]}}
        )
        for epoch in (1, 2):
            recorder.metrics({"val_accuracy": 0.9 + epoch / 100}, step=epoch)
        recorder.tags({"note": "small"})
        recorder.text("seed: 1", "config/params.yaml")
        recorder.files([tmp_path / "metrics.json"], "train")
        recorder.dataset("mnist", "a" * 64, "data/prepared", {"train": 10})
    run = client.get_run(recorder.run_id())
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "mlp 8 · 1 epoch"
    assert run.data.params == {"model": "mlp", "model.hidden_units": "[8]"}
    history = client.get_metric_history(run.info.run_id, "val_accuracy")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.91), (2, 0.92)]
    assert run.data.tags["dvc_experiment"] == "lucky-cat"
    assert run.data.tags["note"] == "small"
    assert [item.dataset.digest for item in run.inputs.dataset_inputs] == ["a" * 32]
    folders = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert folders == {"config", "train"}


def test_the_page_of_a_training_has_its_numbers_and_its_best_plot(client, tmp_path):
    from PIL import Image

    Image.new("RGB", (1200, 900)).save(tmp_path / "confusion_matrix.png")
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.metrics({"val_accuracy": 0.97, "parameters": 1234})
    page = client.get_run(recorder.run_id()).data.tags["mlflow.note.content"]
    assert "**97.00 %** of the validation digits right" in page
    assert "1,234 parameters" in page
    assert "get-artifact" not in page
    with reopened_run(SETTINGS, recorder.run_id(), LOST) as evaluate:
        evaluate.metrics({"test_accuracy": 0.96, "test_mistakes": 20, "test_pictures": 500})
        evaluate.files([tmp_path / "confusion_matrix.png"], "evaluate")
    page = client.get_run(recorder.run_id()).data.tags["mlflow.note.content"]
    assert page.startswith("**96.00 %** of the test digits right")
    assert "20 of 500 read wrong" in page
    assert "get-artifact?path=page%2Fevaluate%2Fconfusion_matrix.png" in page
    small = client.download_artifacts(recorder.run_id(), "page/evaluate/confusion_matrix.png")
    assert Image.open(small).size == (640, 480)


def test_what_is_not_set_is_no_parameter(client):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.params({"data": {"path": None}, "train": {"distortion": None, "epochs": 2}})
    assert client.get_run(recorder.run_id()).data.params == {"train.epochs": "2"}


def test_a_monitored_run_tells_how_busy_the_machine_was(client):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.monitor()
        recorder.run_id()
        time.sleep(MONITORED_EVERY * 1.5)
    metrics = client.get_run(recorder.run_id()).data.metrics
    assert metrics["system/system_memory_usage_percentage"] > 0
    assert "system/cpu_utilization_percentage" in metrics


def test_training_is_linked_to_the_run_that_prepared_its_data(client):
    request = RunRequest(data_experiment(SETTINGS), "mnist", {})
    with new_run(SETTINGS, request) as prepare:
        prepare.tags({DATA_DIGEST_TAG: "b" * 64})
    with new_run(SETTINGS, TRAIN) as train:
        train.dataset("mnist", "b" * 64, "data/prepared", {})
    assert client.get_run(train.run_id()).data.tags["data_run_id"] == prepare.run_id()


def test_a_run_written_later_is_there_before_the_next_is_written_to(client, tmp_path):
    chart = tmp_path / "chart.png"
    chart.write_bytes(b"a chart")
    request = RunRequest(data_experiment(SETTINGS), "later", {}, asked=1000.0)
    with run_written_later(SETTINGS, request) as prepare:
        prepare.tags({DATA_DIGEST_TAG: "c" * 64})
        prepare.files([chart], "prepare")
        ended = time.time()
    chart.unlink()
    with new_run(SETTINGS, TRAIN) as train:
        train.dataset("mnist", "c" * 64, "data/prepared", {})
    later = client.get_run(client.get_run(train.run_id()).data.tags["data_run_id"])
    assert (later.info.run_name, later.info.status) == ("later", "FINISHED")
    assert later.info.start_time == 1_000_000
    assert later.info.end_time == pytest.approx(1000 * ended, abs=500)
    (kept,) = client.list_artifacts(later.info.run_id, "prepare")
    assert kept.path == "prepare/chart.png"


def test_what_went_wrong_later_is_told_by_the_next_stage(client, caplog):
    with run_written_later(SETTINGS, RunRequest("digits", "broken", {})) as recorder:
        recorder.metrics({"": 1.0})
        recorder.metrics({"pictures": 10})
    assert "earlier stage" not in caplog.text
    recorded_training()
    assert caplog.text.count("did not take the metrics of an earlier stage") == 1
    experiment = client.get_experiment_by_name("digits").experiment_id
    (broken,) = client.search_runs([experiment], "attributes.run_name = 'broken'")
    assert broken.data.metrics == {"pictures": 10}
    assert broken.info.status == "FINISHED"


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_that_ends_badly_says_so(client, error, status):
    with pytest.raises(error), new_run(SETTINGS, TRAIN) as recorder:
        raise error
    assert client.get_run(recorder.run_id()).info.status == status


def test_an_interrupted_run_is_gone_on_with(client):
    with pytest.raises(KeyboardInterrupt), new_run(SETTINGS, TRAIN) as first:
        raise KeyboardInterrupt
    with new_run(SETTINGS, TRAIN, resume_run_id=first.run_id()) as second:
        pass
    assert second.run_id() == first.run_id()
    assert client.get_run(first.run_id()).info.status == "FINISHED"


def test_reopening_leaves_status_and_duration_alone(client):
    run_id = recorded_training()
    before = client.get_run(run_id).info
    with reopened_run(SETTINGS, run_id, LOST) as recorder:
        recorder.metrics({"test_accuracy": 0.98})
    after = client.get_run(run_id)
    assert recorder.run_id() == run_id
    assert (after.info.status, after.info.end_time) == (before.status, before.end_time)
    assert after.data.metrics["test_accuracy"] == 0.98


def test_a_lost_run_gets_one_replacement(client, caplog):
    replacements = set()
    for _ in range(2):
        with reopened_run(SETTINGS, "0" * 32, LOST) as recorder:
            recorder.metrics({"test_accuracy": 0.5})
        replacements.add(recorder.run_id())
    with child_run(SETTINGS, "0" * 32, LOST, PICTURES) as child:
        pass
    (replacement,) = replacements
    assert client.get_run(replacement).data.tags["replaces_run_id"] == "0" * 32
    assert client.get_run(replacement).info.status == "FINISHED"
    assert [run.info.run_id for run in children(client, replacement)] == [child.run_id()]
    assert caplog.text.count("stands in") == 1


def test_predictions_are_children_even_where_a_run_id_is_in_the_environment(client, monkeypatch):
    run_id = recorded_training()
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    ids = set()
    for _ in range(2):
        with child_run(SETTINGS, run_id, LOST, PICTURES) as recorder:
            recorder.metrics({"custom_accuracy": 1.0})
        ids.add(recorder.run_id())
    assert {run.info.run_id for run in children(client, run_id)} == ids
    assert run_id not in ids


@pytest.fixture
def keras_file(tmp_path):
    """Return a file that stands for a saved network: MLflow copies it without looking inside."""
    path = tmp_path / "model.keras"
    path.write_bytes(b"a network")
    return path


def recorded_model(settings, keras_file):
    """Record a training with its network; return the run and what MLflow keeps of the network."""
    from mlflow import MlflowClient

    with new_run(settings, TRAIN) as recorder:
        recorder.keras_model(keras_file, (28, 28), (10,))
    client = MlflowClient(tracking_uri(settings))
    run = client.get_run(recorder.run_id())
    (output,) = run.outputs.model_outputs
    return run, client.get_logged_model(output.model_id)


def test_artifacts_lie_beside_the_database(store, keras_file):
    run, model = recorded_model(SETTINGS, keras_file)
    place = (store / "mlartifacts").as_uri()
    assert run.info.artifact_uri.startswith(place)
    assert model.artifact_location.startswith(place)
    assert not (store / "mlruns").exists()


def test_models_go_to_the_stores_and_experiments_of_their_runs_in_turn(store, keras_file):
    """One process writes to both stores, and MLflow has one address at a time in it."""
    shutil.copy(store / "mlflow.db", store / "other.db")  # making one anew takes seconds
    elsewhere = SETTINGS.model_copy(update={"uri": f"sqlite:///{store / 'other.db'}"})
    for settings in (SETTINGS, elsewhere) * 2:
        run, model = recorded_model(settings, keras_file)
        assert run.info.status == "FINISHED"
        assert model.experiment_id == run.info.experiment_id


def test_a_network_whose_file_is_gone_is_told_in_one_line(keras_file, tmp_path):
    run, model = recorded_model(SETTINGS, keras_file)
    (Path(model.artifact_location.removeprefix("file://")) / KERAS_FILE).unlink()
    with pytest.raises(InputError, match="its network is gone"):
        fetch_keras_model(SETTINGS, run.info.run_id, tmp_path)


def test_nothing_is_recorded_or_made_when_switched_off(store):
    before = sorted(store.iterdir())
    off = SETTINGS.model_copy(update={"enabled": False})
    with new_run(off, TRAIN) as recorder:
        recorder.metrics({"loss": 1.0})
        assert len(recorder.run_id()) == 32
    assert sorted(store.iterdir()) == before


@pytest.fixture
def silent_server(monkeypatch):
    """Name a server that is not there; return its address."""
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return address


@pytest.mark.usefixtures("silent_server")
def test_a_server_that_cannot_be_reached_costs_a_recording_a_warning(client, caplog):
    run_id = recorded_training()
    assert "does not answer" in caplog.text
    assert client.get_run(run_id).info.status == "FINISHED"


@pytest.mark.parametrize(
    "read",
    [
        lambda _: ui.run(validate(compose([])), ui.UiOptions()),
        lambda _: read_experiments(SETTINGS, None, 1),
        lambda _: recorded_config(SETTINGS, "0" * 32),
        lambda _: Registry(SETTINGS),
        lambda _: pin(SETTINGS, "models:/digits@champion"),
        lambda _: fetch_network(SETTINGS, "models:/digits/1"),
        lambda folder: fetch_keras_model(SETTINGS, "0" * 32, folder),
    ],
    ids=["ui", "report", "promote", "register", "pin", "predict", "init_from"],
)
def test_reading_from_a_server_that_cannot_be_reached_is_refused(
    read, silent_server, tmp_path, monkeypatch
):
    """What lies in the local store are other runs and other models."""
    monkeypatch.setattr(ui, "_serve", lambda *_: pytest.fail("serves another store"))
    with pytest.raises(InputError, match=f"{silent_server} does not answer .*; start it") as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:50OO", "http://[", "http://127.0.0.1:{port}"]
)
def test_an_address_of_no_server_costs_a_warning(address, client, monkeypatch, caplog):
    def answer(server):
        with server.accept()[0] as asked:
            asked.recv(1000)
            asked.sendall(b"this is no HTTP\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        if "port" in address:
            address = address.format(port=server.getsockname()[1])
            threading.Thread(target=answer, args=(server,), daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        run_id = recorded_training()
    assert "does not answer" in caplog.text
    assert client.get_run(run_id).info.status == "FINISHED"


def test_what_is_refused_costs_a_warning_and_the_rest_is_recorded(client, tmp_path, caplog):
    (tmp_path / "there.txt").write_text("a file")
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.files([tmp_path / "missing.txt", tmp_path / "there.txt"], "train")
        recorder.metrics({"": 1.0})
        recorder.metrics({"loss": 1.0})
    run = client.get_run(recorder.run_id())
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"loss": 1.0}
    (kept,) = client.list_artifacts(recorder.run_id(), "train")
    assert kept.path == "train/there.txt"
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(" (")[0] for line in told] == [
        "MLflow did not take the file", "MLflow did not take the metrics"
    ]  # fmt: skip
    assert "missing.txt" in told[0]
    assert not any("\n" in line for line in told)


def test_a_server_that_falls_silent_stops_recording_only(monkeypatch, caplog):
    monkeypatch.setattr(runs, "why_silent", lambda _: "connection refused")
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.metrics({"": 1.0})
        recorder.metrics({"": 1.0})
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [
        "MLflow stopped recording"
    ]


def test_the_environment_wins_over_the_configured_store(monkeypatch):
    configured = SETTINGS.model_copy(update={"uri": "sqlite:///configured.db"})
    assert tracking_uri(configured) == "sqlite:///configured.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///environment.db")
    assert tracking_uri(configured) == "sqlite:///environment.db"


def test_the_run_of_a_killed_writer_ends_as_killed(client, store):
    code = (
        "import os\n"
        "from pipeline.config.schema import Tracking\n"
        "from pipeline.tracking.recording.recorder import new_run\n"
        "from pipeline.tracking.recording.openings import RunRequest\n"
        "settings = Tracking(enabled=True, uri=None, experiment='digits')\n"
        "with new_run(settings, RunRequest('digits', 'killed', {})) as recorder:\n"
        "    print(recorder.run_id(), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    run_id = done.stdout.strip()
    wait_for(lambda: client.get_run(run_id).info.status == "KILLED", seconds=20)


def test_a_model_that_is_not_there_is_told_in_one_line(tmp_path):
    for run_id, told in (("gone", "neither a file nor a run"), (recorded_training(), "no model")):
        with pytest.raises(InputError, match=told) as caught:
            fetch_keras_model(SETTINGS, run_id, tmp_path)
        assert "\n" not in str(caught.value)


def test_only_what_was_recorded_with_its_configuration_is_promoted():
    run_id = recorded_training()
    with pytest.raises(InputError, match=f"run={run_id}: no run with a configuration in"):
        recorded_config(SETTINGS, run_id)


def cut_out(database):
    content = bytearray(database)
    middle = slice(len(content) // 4, len(content) // 2)
    content[middle] = b"?" * (middle.stop - middle.start)
    return bytes(content)


@pytest.mark.parametrize("damaged", [lambda _: b"junk" * 20, cut_out])
def test_a_damaged_store_is_told_in_one_line(damaged, store, tmp_path, monkeypatch):
    recorded_training()
    (tmp_path / "mlflow.db").write_bytes(damaged((store / "mlflow.db").read_bytes()))
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for read in (lambda: read_experiments(SETTINGS, None, 1), lambda: Registry(SETTINGS)):
        with pytest.raises(
            InputError, match=r"no store that MLflow can open|MLflow refuses"
        ) as told:
            read()
        assert "\n" not in str(told.value)


def test_a_folder_in_the_place_of_the_store_is_told_at_once(tmp_path, monkeypatch):
    (tmp_path / "mlflow.db").mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr("mlflow.MlflowClient", pytest.fail)  # it would try for two minutes
    with pytest.raises(InputError, match="no store that MLflow can open"):
        Registry(SETTINGS)


HALF_WRITTEN = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("pragma cache_size = 1")  # pages are in the file before the transaction ends
database.execute("begin")
database.execute("create table more (text)")
for number in range(1000):
    database.execute("insert into more values (?)", ["x" * 1000])
os.kill(os.getpid(), 9)
"""


def test_a_store_whose_writer_was_killed_is_opened_again(store, tmp_path, monkeypatch):
    recorded_training()
    copy = tmp_path / "mlflow.db"
    shutil.copy(store / "mlflow.db", copy)
    subprocess.run([sys.executable, "-c", HALF_WRITTEN, copy], check=False)
    assert copy.with_name("mlflow.db-journal").stat().st_size > 0
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    open_store(tracking_uri(SETTINGS), SETTINGS)


def test_recording_leaves_the_environment_of_its_process_alone(monkeypatch):
    """It works in a thread, and a variable that is set while TensorFlow reads one ends it all."""
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    recorded_training()
    assert dict(os.environ) == before


def test_stages_share_one_recorder_process(store):
    recorded_training()
    before = recorders()
    recorded_training()
    assert recorders() == before
    assert len(before) == 1


def recorders():
    """Return the ids of the recorder processes that work for this test's store."""
    import psutil

    return {
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "pipeline.tracking.recording.server" in (process.info["cmdline"] or [])
        and process.environ().get("DVC_ROOT") == os.environ["DVC_ROOT"]
    }


def test_a_recorder_process_that_is_gone_stops_recording_only(caplog):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.run_id()
        (process,) = recorders()
        os.kill(process, signal.SIGKILL)
        recorder.metrics({"loss": 1.0})
        recorder.metrics({"loss": 2.0})
    assert caplog.text.count("stopped recording") == 1


def test_a_full_disk_at_the_end_of_a_stage_costs_a_warning(store, monkeypatch, caplog):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(recorder_client.Parcel, "_send", full)
    with run_written_later(SETTINGS, RunRequest("data", "prepared", {})) as recorder:
        recorder.metrics({"pictures": 1.0})
    assert "No space left" in caplog.text


def test_a_start_of_the_recorder_process_that_halts_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_client, "STARTS_WITHIN", 0.05)
    with (
        FileLock(tmp_path / "a.lock"),
        pytest.raises(recorder_client.RecordingError, match="another command has not got"),
    ):
        recorder_client._connect(tmp_path / "a.socket")


def test_a_new_store_in_the_place_of_a_removed_one_is_written_to(store):
    """The last of this file: what the others recorded is gone after it."""
    from mlflow import MlflowClient

    recorded_training()
    (store / "mlflow.db").unlink()
    run_id = recorded_training()
    shutil.copy(store / "mlflow.db", store / "copy.db")  # unknown to MLflow, which keeps files open
    client = MlflowClient(f"sqlite:///{store / 'copy.db'}")
    assert client.get_run(run_id).info.status == "FINISHED"


def test_an_address_that_means_nothing_to_mlflow_is_told_in_one_line():
    with pytest.raises(InputError, match="foo://x: no store") as caught:
        open_store("foo://x", SETTINGS)
    assert "\n" not in str(caught.value)


def test_a_damaged_database_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    damaged = tmp_path / "mlflow.db"
    damaged.write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match="not a database") as caught:
        open_store(f"sqlite:///{damaged}", SETTINGS)
    assert str(damaged) in str(caught.value)
    assert "\n" not in str(caught.value)
