"""Runs for tests to record and read back."""

import hashlib
import os
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.config.schema import Tracking
from pipeline.tracking.recording.learning import (
    DatasetInput,
    EvaluationMetrics,
    KerasModel,
    Readings,
)
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import File, Finish, Metrics, Params, Table, Tags, Text

SETTINGS = Tracking(enabled=True, uri=None, experiment="digits")
TRAIN = RunRequest("digits", "mlp 8 · 1 epoch", {"stage": "train"})
LOST = RunRequest("digits", "replacement of a lost run", {})
EXAMPLE = [[0] * 28] * 28  # a picture
MEASURED = {"test_accuracy": 0.9, "test_loss": float("nan")}
OWN = ("run_key", "mlflow.source.name", "mlflow.source.git.commit", "mlflow.user")
"""Tags that differ between runs that hold the same."""
PICTURES = RunRequest("digits", "pictures in custom", {})


def of_each_kind(chart, keras_file):
    """Return a record of each kind."""
    return [
        Params({"seed": 1, "model": {"units": [8]}}),
        Tags({"note": "small"}),
        Text("seed: 1", "config/params.yaml"),
        DatasetInput("mnist", "a" * 64, "data/prepared", {"train": 10}),
        *(Metrics({"loss": 1 / step, "lr": 0.1}, step=step, at=float(step)) for step in (1, 2)),
        Readings("hardest", 2, [EXAMPLE], [["is 4", "read 9"]], at=2.0),
        Metrics({"parameters": 7.0}, at=3.0),
        Table({"network": ["mlp"], "epochs": [2]}, "sweep/results.json"),
        *File.each([chart], "train"),
        KerasModel(str(keras_file), [10], EXAMPLE),
        EvaluationMetrics(MEASURED, "mnist-test", "b" * 64, "t.npz", {"test": 5}, at=4.0),
        Finish("FINISHED", at=5.0),
    ]


def recorded_training():
    """Record a small training; return the id of its run."""
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(Metrics({"loss": 0.5}, step=1))
        return recorder.run_id()


def recorders():
    """Return the ids of the recorder processes of this test's store."""
    import psutil

    return {
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "pipeline.tracking.recording.server" in (process.info["cmdline"] or [])
        and process.environ().get("DVC_ROOT") == os.environ["DVC_ROOT"]
    }


def contents(client, run_id):
    """Return all that MLflow's API tells of a run, but for ids."""
    run = client.get_run(run_id)
    tags = {key: value.replace(run_id, "ID") for key, value in run.data.tags.items()}
    models = [client.get_logged_model(each.model_id) for each in run.outputs.model_outputs]
    return {
        "status": (run.info.status, run.info.end_time, run.info.run_name),
        "params": run.data.params,
        "tags": {key: value for key, value in tags.items() if key not in OWN},
        "metrics": {
            key: sorted(
                (each.step, each.timestamp, repr(each.value))
                for each in client.get_metric_history(run_id, key)
            )
            for key in run.data.metrics
        },
        "inputs": [
            (each.dataset.name, each.dataset.digest, [tag.value for tag in each.tags])
            for each in run.inputs.dataset_inputs
        ],
        "artifacts": artifacts(client, run_id, ""),
        "models": [
            (
                each.name, each.status, each.params, files(client, each),
                sorted((m.key, m.step, repr(m.value), m.dataset_name) for m in each.metrics),
            )
            for each in models
        ],
    }  # fmt: skip


def artifacts(client, run_id, folder):
    found = {}
    for file in client.list_artifacts(run_id, folder):
        if file.is_dir:
            found |= artifacts(client, run_id, file.path)
        else:
            content = Path(client.download_artifacts(run_id, file.path)).read_bytes()
            found[file.path] = hashlib.sha256(content).hexdigest()
    return found


def files(client, model):
    """Return the lines of a model's files, but for ids and times."""
    import mlflow

    mlflow.set_tracking_uri(client.tracking_uri)
    known = re.compile("run_id|model_id|uuid|time|size|m-")
    uri = f"models:/{model.model_id}"
    with TemporaryDirectory() as place:
        folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=place))
        return {
            str(path.relative_to(folder)): [
                line
                for line in path.read_bytes().decode(errors="replace").splitlines()
                if not known.search(line)
            ]
            for path in folder.rglob("*")
            if path.is_file()
        }


class Proxy:
    """Stands before a server, and lets all through, so many bytes, or nothing.

    Attributes:
        address: Its own address.
        room: How many bytes it lets through before it cuts all connections; None for all.
        is_stopped: Whether it accepts connections and lets nothing through, like a server that was
            stopped by SIGSTOP.
        is_ill: Whether it answers everything itself, with 500.
    """

    def __init__(self, port):
        """Stand before the server at a port."""
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heal()
        threading.Thread(target=self._accept, daemon=True).start()

    def heal(self):
        """Let all through."""
        self.room, self.is_stopped, self.is_ill = None, False, False

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, suppress(OSError):
            if self.room == 0:
                return
            with socket.create_connection(("127.0.0.1", self._port)) as server:
                back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
                back.start()
                self._pass(client, server)
                back.join()

    def _pass(self, source, target):
        with suppress(OSError):
            while data := source.recv(1000):
                while self.is_stopped:
                    time.sleep(0.05)
                if self.is_ill:
                    target, data = source, b"HTTP/1.1 500 Ill\r\nContent-Length: 0\r\n\r\n"
                if self.room is not None:
                    data = data[: self.room]
                    self.room -= len(data)
                target.sendall(data)
                if self.room == 0 or self.is_ill:
                    break
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
