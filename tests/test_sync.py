"""`digits sync`: what waits is delivered, or said to wait."""

import pytest
from support.projects import free_port
from support.recording import SETTINGS, TRAIN

from pipeline import sync
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.schema import Options
from pipeline.system.errors import InputError
from pipeline.tracking.recording import recorder as recorder_module
from pipeline.tracking.recording.journal import store_folder
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import Metrics

CONFIG = validate(compose([]))


@pytest.fixture
def record(tmp_path, monkeypatch):
    """Return a function that records a run while no recorder process starts."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))

    def record(settings):
        with monkeypatch.context() as patch:
            patch.setattr(recorder_module, "look_after", lambda _: True)
            patch.setattr(recorder_module, "deliver", lambda _: False)
            with new_run(settings, TRAIN) as recorder:
                recorder.record(Metrics({"loss": 0.5}))
        return recorder.key

    return record


def test_what_waits_is_delivered(record, tmp_path, capsys):
    from mlflow import MlflowClient

    key = record(SETTINGS)
    sync.run(CONFIG, Options())
    assert capsys.readouterr().out == "delivered all that waited\n"
    sync.run(CONFIG, Options())
    assert capsys.readouterr().out == "nothing waits\n"
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("digits").experiment_id
    (run,) = client.search_runs([experiment], f"tags.run_key = '{key}'")
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"loss": 0.5})


def test_a_server_that_does_not_answer_is_named_with_what_waits(record):
    address = f"http://127.0.0.1:{free_port()}"
    record(SETTINGS.model_copy(update={"uri": address}))
    with pytest.raises(InputError) as caught:
        sync.run(CONFIG, Options())
    message = str(caught.value)
    assert message.startswith(f"the MLflow server at {address} does not answer (")
    assert f"; 3 records of 1 run wait for {address}; " in message
    assert list(store_folder(address).glob("*.jsonl"))
