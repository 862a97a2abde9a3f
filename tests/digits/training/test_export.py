"""The ONNX file gives the network's answers, or it is not written."""

import json
import zipfile

import numpy as np
import pytest

from pipeline.digits.training import export, networks

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)


@pytest.fixture(scope="module")
def model():
    return networks.cnn((28, 28), 10, filters=[4, 8], dense_units=[16], dropout=0.3)


def run(path, pixels):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return session.run(None, {session.get_inputs()[0].name: pixels})[0]


def test_same_answers_for_any_number_of_pictures(model, tmp_path):
    path = tmp_path / "model.onnx"
    difference = export.export_onnx(model, path, PIXELS, {})
    assert 0 <= difference < 1e-5
    expected = np.asarray(model(PIXELS, training=False))
    for count in (1, 12):
        assert np.allclose(run(path, PIXELS[:count]), expected[:count], atol=1e-5)


def test_metadata_is_kept(model, tmp_path):
    import onnx

    path = tmp_path / "model.onnx"
    export.export_onnx(model, path, PIXELS, {"temperature": "1.5", "note": "ein Brief"})
    kept = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert kept == {"temperature": "1.5", "note": "ein Brief"}


def test_the_file_does_not_tell_what_was_done_before_in_the_process(model, tmp_path):
    import onnx

    path = tmp_path / "model.onnx"
    export.export_onnx(model, path, PIXELS, {})
    assert onnx.load(path).graph.doc_string == "", "a resumed training traces fewer functions"


def test_logits_become_a_second_output_and_the_answers_stay_the_first(model, tmp_path):
    import onnxruntime

    path = tmp_path / "model.onnx"
    export.export_onnx(model, path, PIXELS, {"note": "kept"})
    before = run(path, PIXELS)
    export.add_logits(path)
    session = onnxruntime.InferenceSession(path)
    answers, logits = session.run(None, {session.get_inputs()[0].name: PIXELS})
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert np.array_equal(answers, before)
    assert np.allclose(powers / powers.sum(axis=1, keepdims=True), answers, atol=1e-6)
    assert np.allclose(
        np.log(answers[:, 1:] / answers[:, :1]), logits[:, 1:] - logits[:, :1], atol=1e-3
    )
    assert session.get_modelmeta().custom_metadata_map == {"note": "kept"}


def test_the_exporter_keeps_silent(model, tmp_path, capsys, recwarn):
    export.export_onnx(model, tmp_path / "model.onnx", PIXELS, {})
    assert capsys.readouterr() == ("", "")
    assert not recwarn.list


@pytest.mark.parametrize("answer", [0.5, np.nan])
def test_other_answers_are_refused_and_the_old_file_stays(model, tmp_path, monkeypatch, answer):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr(export, "_answers", lambda *_: np.full((12, 10), answer))
    with pytest.raises(RuntimeError, match="differs from Keras"):
        export.export_onnx(model, path, PIXELS, {})
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    assert path.read_bytes() == b"old"


def saved_in(year, source, path):
    """Copy a .keras file as if it had been saved in a year."""
    with zipfile.ZipFile(source) as saved, zipfile.ZipFile(path, "w") as copy:
        for name in saved.namelist():
            content = saved.read(name)
            if name == "config.json":
                content = content.replace(b'"shared_object_id": ', b'"shared_object_id": %d' % year)
            if name == "metadata.json":
                content = json.dumps(json.loads(content) | {"date_saved": f"{year}-01-01"})
            copy.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content)
    return path


def test_a_network_saved_at_another_time_has_the_same_bytes(model, tmp_path):
    import keras

    model.save(tmp_path / "model.keras")
    files = [saved_in(year, tmp_path / "model.keras", tmp_path / f"{year}.keras")
             for year in (2001, 2002)]  # fmt: skip
    assert files[0].read_bytes() != files[1].read_bytes()
    for file in files:
        export.make_reproducible(file)
    assert files[0].read_bytes() == files[1].read_bytes()
    expected = np.asarray(model(PIXELS, training=False))
    assert np.array_equal(np.asarray(keras.saving.load_model(files[0])(PIXELS)), expected)
