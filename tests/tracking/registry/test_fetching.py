"""Networks by the addresses of registered models."""

from types import SimpleNamespace

import pytest

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.places import home
from pipeline.stages.predict_custom import find_network
from pipeline.system.errors import InputError
from pipeline.system.files import write_text
from pipeline.tracking.registry import fetching
from pipeline.tracking.registry.fetching import fetch_network, pin
from pipeline.tracking.registry.names import REGISTERED_MODEL

CHAMPION = f"models:/{REGISTERED_MODEL}@champion"


def test_the_name_of_the_champion_leads_to_its_network(settings, registered, networks):
    assert pin(settings, CHAMPION) == f"models:/digits/{registered.versions['better']}"
    config = validate(compose([f"predict.model='{CHAMPION}'", "tracking.experiment=registry"]))
    network, run_id = find_network(config)
    assert network.read_bytes() == (networks / "better" / "model.onnx").read_bytes()
    assert run_id == registered.runs["better"]


def test_a_network_is_fetched_once(settings, registered):
    network, _ = fetch_network(settings, CHAMPION)
    before = network.stat().st_mtime_ns
    assert fetch_network(settings, CHAMPION)[0].stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "uri", ["models:/digits@nobody", "models:/nothing/1", "models:/", "models:/@"]
)
def test_a_model_that_is_not_there_is_reported_in_one_line(settings, registered, uri):
    with pytest.raises(InputError, match="MLflow knows no such model") as caught:
        fetch_network(settings, uri)
    assert "\n" not in str(caught.value)


def test_a_model_of_another_kind_is_reported_in_one_line(settings, registered, client, keras_file):
    from support.recording import EXAMPLE, TRAIN

    from pipeline.tracking.recording.learning import KerasModel
    from pipeline.tracking.recording.recorder import new_run

    with new_run(settings, TRAIN) as recorder:
        recorder.record(KerasModel.at(keras_file, (10,), EXAMPLE))
    (output,) = client.get_run(recorder.run_id()).outputs.model_outputs
    client.create_registered_model("foreign")
    client.create_model_version("foreign", f"models:/{output.model_id}", recorder.run_id())
    with pytest.raises(InputError, match=r"models:/foreign/1: has no artifacts/model\.onnx"):
        fetch_network(settings, "models:/foreign/1")


def test_a_network_that_was_changed_since_it_was_registered_is_refused(settings, registered):
    network, _ = fetch_network(settings, CHAMPION)
    trained = network.read_bytes()
    network.write_bytes(trained + b"\n")
    with pytest.raises(InputError, match="is not the network that was registered as version"):
        fetch_network(settings, CHAMPION)
    network.unlink()
    assert fetch_network(settings, CHAMPION)[0].read_bytes() == trained


def test_what_a_server_calls_a_model_leads_to_no_other_folder(settings, monkeypatch, tmp_path):
    version = SimpleNamespace(source="models:/..", run_id="0", tags={}, name="digits", version="1")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "project"))
    monkeypatch.setattr(fetching, "_resolve", lambda *_: version)
    monkeypatch.setattr(fetching, "download_network", lambda _, file: write_text(file, "network"))
    network, _ = fetch_network(settings, CHAMPION)
    assert network.parents[1] == tmp_path / "project" / ".registry"
    assert network.parent.name.isalnum()


def test_no_registered_model_holds_a_pickle(settings, registered):
    fetch_network(settings, CHAMPION)
    files = [file for file in home().rglob("*") if file.is_file()]
    assert any(file.name == "served.py" for file in files)
    assert not [file for file in files if file.suffix in (".pkl", ".pickle", ".joblib")]
    assert not [file for file in files if file.read_bytes()[:2] in (b"\x80\x04", b"\x80\x05")]
