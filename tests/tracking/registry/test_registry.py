"""The registry, driven as a user drives it, with a worse, an equal and a better network."""

import json
import logging
import subprocess
import sys
import textwrap
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest
from support.networks import answers_in_pictures, write_reader

from pipeline import register
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.splits import Split, digest, load_split, save_split
from pipeline.register import RegisterOptions
from pipeline.stages import prepared as prepared_files
from pipeline.stages.predict_custom import find_network
from pipeline.stages.prepared import DatasetInfo
from pipeline.stages.recording import unseen_test_part
from pipeline.system.errors import InputError
from pipeline.tracking.names import UNSEEN_TEST_TAG
from pipeline.tracking.registry.fetching import MODEL_NAME, fetch_network, pin
from pipeline.tracking.registry.registry import Registry

TEST_SIZE = 200
# Rows of the pictures that networks read, by how many of their first answers are wrong.
WRONG = {"champion": 20, "equal": 22, "better": 2, "worse": 60}
ROWS = {name: row for row, name in enumerate(WRONG)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with one store, prepared data and runs for all tests."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def config():
    return validate(compose([]))


def prepared(place):
    labels = np.arange(TEST_SIZE, dtype=np.uint8) % 10
    answers = [
        np.where(np.arange(TEST_SIZE) < wrong, 9 - labels, labels) for wrong in WRONG.values()
    ]
    test = Split(answers_in_pictures(*answers), labels)
    save_split(test, place / "test.npz")
    info = DatasetInfo("test", "d" * 64, [str(digit) for digit in range(10)], None)
    info.save()
    return digest([test])


@pytest.fixture(scope="module")
def runs(place, config):
    """Record a finished run for each network; return their ids."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(place))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(prepared_files, "PREPARED", place)
        test_digest = prepared(place)
        yield {
            name: recorded(place, config, name, test_digest) for name in [*WRONG, "from elsewhere"]
        }


def recorded(place, config, name, test_digest):
    from pipeline.tracking.recording.openings import RunRequest
    from pipeline.tracking.recording.recorder import new_run

    row = ROWS.get(name, ROWS["better"])
    tags = {UNSEEN_TEST_TAG: test_digest if name in ROWS else "0" * 64, "stage": "train"}
    network = write_reader(place / name / "model.onnx", row)
    with new_run(config.tracking, RunRequest("digits", name, tags)) as recorder:
        right = 1 - WRONG.get(name, 30) / TEST_SIZE
        recorder.metrics({"val_accuracy": right, "test_accuracy": right})
        recorder.files([network], "train")
    return recorder.run_id()


@pytest.fixture(scope="module")
def client(place, runs):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{place / 'mlflow.db'}")


@pytest.fixture
def tell(config, caplog):
    """Run the command; return the one line that it says."""
    caplog.set_level(logging.INFO, logger="pipeline.register")

    def run(**options):
        caplog.clear()
        register.run(config, RegisterOptions(**options))
        (line,) = [record.message for record in caplog.records if record.name == register.__name__]
        return line

    return run


def champion(client):
    return int(client.get_model_version_by_alias(MODEL_NAME, "champion").version)


def test_the_story_of_a_champion(client, runs, tell):
    """One story, since every step needs those before it."""
    with pytest.raises(InputError, match="no earlier champion"):
        tell(rollback=True)
    assert tell(run=runs["champion"]) == "champion is version 1, the first one"
    assert champion(client) == 1

    told = tell(run=runs["worse"])
    assert "stays version 1: version 2 is worse" in told
    assert "reads 0 right that version 1 does not, and 40 the other way round" in told
    assert champion(client) == 1

    told = tell(run=runs["equal"])
    assert "stays version 1: version 3 is no better than chance explains" in told
    assert "≥ 0.05" in told
    assert champion(client) == 1

    assert "proves nothing" in tell(run=runs["from elsewhere"])
    assert champion(client) == 1

    told = tell(run="best")
    assert told.startswith("champion is version 5 (was 1), which is better")
    assert "reads 18 right" in told
    assert champion(client) == 5
    assert int(client.get_model_version_by_alias(MODEL_NAME, "previous").version) == 1
    assert client.get_model_version(MODEL_NAME, "5").tags["decision"] == told

    assert "this very run, already" in tell(run=runs["better"])
    assert "is worse" in tell(run=runs["champion"])
    assert len(client.search_model_versions(f"name = '{MODEL_NAME}'")) == 5

    assert tell(rollback=True) == "champion is version 1 again (was 5)"
    assert champion(client) == 1
    assert "previous" not in client.get_registered_model(MODEL_NAME).aliases
    with pytest.raises(InputError, match="no earlier champion"):
        tell(rollback=True)
    assert "champion is version 5 (was 1)" in tell(run="best")


def test_the_best_run_is_found_on_any_page(config, runs, monkeypatch):
    """MLflow gives a thousand runs at a time; here, one."""
    from mlflow import MlflowClient

    one_at_a_time = partialmethod(MlflowClient.search_runs, max_results=1)
    monkeypatch.setattr(MlflowClient, "search_runs", one_at_a_time)
    assert Registry(config.tracking).find_run("best").id == runs["better"]


def test_a_comparison_is_kept_with_the_candidate(client, runs, tmp_path):
    folder = "register/version_5_against_1"
    names = {item.path for item in client.list_artifacts(runs["better"], folder)}
    assert names == {f"{folder}/comparison.json", f"{folder}/disagreements.png"}
    path = client.download_artifacts(runs["better"], f"{folder}/comparison.json", str(tmp_path))
    numbers = json.loads(Path(path).read_text())
    assert numbers["only_candidate_right"] == list(range(2, 20))
    assert numbers["only_champion_right"] == []
    page = client.get_model_version(MODEL_NAME, "5").description
    assert f"run_uuid={runs['better']}" in page
    assert "**99.00 %** of the test digits right" in page


def test_a_network_is_not_known_to_be_new_to_the_test_part_but_through_all_its_weights(
    place, config, runs
):
    """Those it starts from may have learnt from these very pictures."""

    def unseen(init_from):
        settings = config.train.model_copy(update={"init_from": init_from})
        return unseen_test_part(config.model_copy(update={"train": settings}))

    prepared = digest([load_split(place / "test.npz")])
    file = place / "weights.keras"
    file.touch()
    assert unseen(None) == prepared
    assert unseen(runs["better"]) == prepared
    assert unseen(runs["from elsewhere"]) is None
    assert unseen(str(file)) is None


def test_registering_leaves_the_run_as_it_was(client, runs):
    run = client.get_run(runs["better"])
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time < 20_000


def test_the_name_of_the_champion_leads_to_its_network(place, config, runs):
    uri = f"models:/{MODEL_NAME}@champion"
    assert pin(config.tracking, uri) == f"models:/{MODEL_NAME}/5"
    predict = config.predict.model_copy(update={"model": uri})
    network, run_id = find_network(config.model_copy(update={"predict": predict}))
    assert network.read_bytes() == (place / "better" / "model.onnx").read_bytes()
    assert run_id == runs["better"]


@pytest.mark.parametrize(
    "uri", ["models:/digits@nobody", "models:/nothing/1", "models:/", "models:/@"]
)
def test_a_model_that_is_not_there_is_told_in_one_line(config, runs, uri):
    with pytest.raises(InputError, match="MLflow knows no such model") as caught:
        fetch_network(config.tracking, uri)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"run": "0" * 32}, "MLflow knows no such run"),
        ({"run": "../x"}, "MLflow knows no such run"),
        ({}, "say which"),
    ],
)
def test_what_cannot_be_registered_is_told(config, runs, options, told):
    with pytest.raises(InputError, match=told):
        register.run(config, RegisterOptions(**options))


def test_a_trial_of_a_sweep_is_sent_to_be_promoted_first(config, runs):
    from pipeline.tracking.recording.openings import RunRequest
    from pipeline.tracking.recording.recorder import new_run

    with new_run(config.tracking, RunRequest("digits", "a trial", {"stage": "trial"})) as trial:
        trial.metrics({"val_accuracy": 1.0})
    with pytest.raises(InputError, match=r"pipeline\.promote run="):
        register.run(config, RegisterOptions(run=trial.run_id()))


def test_the_registered_model_reads_pictures_without_this_project(place, client, runs, tmp_path):
    """Loaded where nothing of the project can be imported, it brings its own code."""
    source = client.get_model_version(MODEL_NAME, "5").source
    code = f"""
        import sys
        sys.path = [entry for entry in sys.path if "pipeline" not in entry]
        sys.meta_path = [each for each in sys.meta_path if "editable" not in str(each)]
        import cv2, mlflow, numpy as np, pandas as pd
        mlflow.set_tracking_uri("sqlite:///{place / "mlflow.db"}")
        model = mlflow.pyfunc.load_model("models:/{MODEL_NAME}@champion")
        import pipeline.digits.serving
        assert "{place}" in pipeline.digits.serving.__file__, pipeline.digits.serving.__file__
        assert not {{"tensorflow", "keras"}} & set(sys.modules)
        images = np.load("{place / "test.npz"}")["images"]
        seven = cv2.imencode(".png", 255 - images[7])[1].tobytes()
        both = model.predict(images[[7, 19]])
        assert list(both.columns) == ["digit", "confidence", "alternatives", "status", "detail"]
        assert both.digit.tolist() == [7, 9], both
        assert both.confidence.min() > 0.9
        assert [len(each) for each in both.alternatives] == [3, 3]
        table = pd.DataFrame({{"picture": [seven]}})
        for given in (seven, [seven], table, np.array([seven], object)):
            assert model.predict(given).status.tolist() != ["error"]
        bad = model.predict([b"", "text", 3.5, np.ones((28, 28), bool), seven])
        assert bad.status.tolist()[:4] == ["error"] * 4
        assert bad.digit.isna().tolist() == [True] * 4 + [False]
        unsure = model.predict(images[[7]], params={{"unsure_below": 1.0}})
        assert unsure.status.tolist() == ["unsure"]
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{source}\n{done.stderr}"


def test_the_registered_model_is_as_sure_as_predict_custom(config):
    from mlflow.models import get_model_info

    (threshold,) = get_model_info(f"models:/{MODEL_NAME}/5").signature.params.params
    assert (threshold.name, threshold.default) == ("unsure_below", config.predict.unsure_below)


def test_the_registered_model_requires_no_tensorflow(client, runs, place):
    from mlflow.pyfunc import get_model_dependencies

    lines = Path(get_model_dependencies(f"models:/{MODEL_NAME}/5")).read_text().split()
    names = {line.partition("==")[0] for line in lines}
    assert names == {
        "mlflow", "numpy", "onnxruntime", "opencv-python-headless", "pandas", "pillow"
    }  # fmt: skip
    assert all("==" in line for line in lines)
