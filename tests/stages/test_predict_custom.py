"""The stage that reads people's own pictures: what it takes, keeps and refuses."""

import csv
import json
from pathlib import Path

import pytest
from support.networks import write_line_reader, write_reader, write_with_reference
from support.pictures import picture, write_samples

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.preprocessing.finding import find_pictures
from pipeline.digits.preprocessing.labels import read_labels
from pipeline.digits.recognition.digit import recognise
from pipeline.inventory import network
from pipeline.stages import predict_custom
from pipeline.stages.prediction_files import write_predictions
from pipeline.system.errors import InputError


@pytest.fixture
def folder(tmp_path):
    write_samples(tmp_path)
    return tmp_path


@pytest.mark.parametrize("mode", ["digit", "number"])
def test_the_stage_keeps_the_pictures_that_its_plot_shows(tmp_path, monkeypatch, mode):
    for number in range(4):
        picture(number % 2).save(tmp_path / f"{number}.png")
    model = write_reader(tmp_path / "model.onnx", 0)
    overrides = [f"images={tmp_path}", f"output={tmp_path / 'out'}", f"model={model}"]
    options = [f"predict.{override}" for override in overrides]
    options += [f"predict.mode={mode}", "predict.grid_limit=3", "tracking=none"]
    monkeypatch.setattr(predict_custom, "LINES_FILE", write_line_reader(tmp_path / "lines.onnx"))
    plotted = []
    monkeypatch.setattr(predict_custom, "plot", lambda tally, *_: plotted.append(tally))

    predict_custom.run(validate(compose(options)))

    (tally,) = plotted
    assert tally.by_status.total() == 4
    assert [shown.file for shown in tally.shown] == ["0.png", "1.png", "2.png"]
    assert all(shown.thumbnail is not None for shown in tally.shown)


def test_pictures_of_another_kind_are_told_of_in_one_line(tmp_path, monkeypatch, caplog):
    model = write_with_reference(tmp_path / "model.onnx")
    for number in range(40):
        picture(number % 2).save(tmp_path / f"{number}.png")
    monkeypatch.setattr(predict_custom, "plot", lambda *_: None)
    options = [f"images={tmp_path}", f"output={tmp_path / 'out'}", f"model={model}"]
    predict_custom.run(
        validate(compose([*(f"predict.{option}" for option in options), "tracking=none"]))
    )
    (line,) = [each for each in caplog.messages if "of another kind" in each]
    assert line.startswith("these 40 pictures are of another kind than the training data: ")
    assert "less sure" in line
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["custom_drift_p_value"] < 0.05


def test_it_names_the_network_that_read_and_how_good_that_is(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    picture(1).save(tmp_path / "1.png")
    run_id = "3" * 32
    for place in ("models", "reports/evaluate"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "run_id.txt").write_text(run_id)
    (tmp_path / "reports/evaluate/metrics.json").write_text('{"test_accuracy": 0.75}')
    model = write_reader(tmp_path / "models" / "model.onnx", 0, title="mlp 8 · 3 epochs")
    monkeypatch.setattr(network, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(predict_custom, "plot", lambda *_: None)
    options = [f"images={tmp_path}", f"output={tmp_path / 'out'}", f"model={model}"]
    predict_custom.run(
        validate(compose([*(f"predict.{option}" for option in options), "tracking=none"]))
    )
    reader = f"mlp 8 · 3 epochs, MLflow run {run_id}"
    assert (tmp_path / "out" / "read_by.txt").read_text() == f"{reader}\n"
    assert caplog.messages[-1] == f"read by {reader}, 75.00 % of the test digits right"


def test_a_number_is_read_by_the_network_for_lines(tmp_path, monkeypatch):
    lines = write_line_reader(tmp_path / "lines.onnx")
    monkeypatch.setattr(predict_custom, "LINES_FILE", lines)
    monkeypatch.setattr(predict_custom, "LINES_MODEL", tmp_path)
    (tmp_path / "run_id.txt").write_text("5" * 32)
    settings = validate(compose(["predict.mode=number"])).predict
    told = predict_custom.reader_in_words(settings, tmp_path / "model.onnx", "3" * 32)
    assert told == f"the network in {lines}, MLflow run {'5' * 32}"


def test_without_a_network_for_lines_no_number_is_read_and_one_line_says_how_to_get_one(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(predict_custom, "LINES_FILE", tmp_path / "lines.onnx")
    monkeypatch.setattr(predict_custom, "find_network", pytest.fail)
    with pytest.raises(InputError, match=r"`digits lines\.rounds=120 predict") as told:
        predict_custom.run(validate(compose(["predict.mode=number"])))
    assert "\n" not in str(told.value)


def test_numbers_have_a_threshold_of_their_own(tmp_path, monkeypatch):
    model = write_line_reader(tmp_path / "lines.onnx", note="little data")
    monkeypatch.setattr(predict_custom, "LINES_FILE", model)
    picture(1).save(tmp_path / "1.png")
    options = ["predict.mode=number", "predict.unsure_below=1.0"]
    answers = {}
    for below in (0.5, 1.0):
        settings = validate(compose([*options, f"predict.unsure_numbers_below={below}"])).predict
        read, note = predict_custom.read(settings, [tmp_path / "1.png"], tmp_path, tmp_path)
        (answers[below],) = read
        assert note == "little data"
    assert [each.digit for each in answers.values()] == ["1", "1"]
    assert [each.status for each in answers.values()] == ["ok", "unsure"]


def test_pictures_drawn_by_an_earlier_run_are_left_out(folder):
    for place in (folder, folder / "of another run"):
        (place / "explain").mkdir(parents=True)
        (place / "predictions.csv").touch()
        picture(1).save(place / "predictions.png")
        picture(1).save(place / "explain" / "a one.png.png")
    (folder.parent / "link").symlink_to(folder)
    own = {"predictions.png", "a one.png.png"}
    for place in (folder.parent / "link", folder / ".." / folder.name, folder):
        left = predict_custom._without_drawn(find_pictures(place), place, place)
        assert not own & {path.name for path in left}
        assert len(left) == 5


def test_pictures_that_no_run_drew_are_read_wherever_they_lie(folder):
    (folder / "explain").mkdir()
    picture(1).save(folder / "explain" / "a one.png")
    picture(1).save(folder / "predictions.png")
    found = find_pictures(folder)
    assert predict_custom._without_drawn(found, folder, folder.parent) == found
    (folder / "predictions.csv").touch()  # outside `images`, it does not count
    explained = find_pictures(folder / "explain")
    assert predict_custom._without_drawn(explained, folder / "explain", folder) == explained


def test_a_users_picture_is_not_overwritten(folder):
    picture(1).save(folder / "predictions.png")
    (folder / "link").symlink_to(folder)
    for output in (folder, folder / "link"):
        with pytest.raises(InputError, match="would be overwritten"):
            predict_custom._without_drawn(find_pictures(folder), folder, output)


def test_a_folder_of_only_drawn_pictures_is_refused(tmp_path):
    picture(1).save(tmp_path / "predictions.png")
    (tmp_path / "predictions.csv").touch()
    with pytest.raises(InputError, match="holds only pictures"):
        predict_custom._without_drawn(find_pictures(tmp_path), tmp_path, tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's always full device")
def test_a_full_disk_is_reported_with_the_table_that_did_not_fit(tmp_path):
    table = tmp_path / "predictions.csv"
    table.write_text("old")
    (tmp_path / "predictions.part.csv").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        write_predictions(tmp_path, [], {}, 0, 0)
    assert caught.value.filename == str(table)
    assert table.read_text() == "old"


def test_a_folder_of_broken_pictures_alone_ends_in_an_error_and_keeps_its_table(
    tmp_path, monkeypatch
):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    model = write_reader(tmp_path / "model.onnx", 0)
    monkeypatch.setattr(predict_custom, "plot", lambda *_: None)
    options = [f"images={tmp_path}", f"output={tmp_path / 'out'}", f"model={model}"]
    config = validate(compose([*(f"predict.{option}" for option in options), "tracking=none"]))
    with pytest.raises(InputError, match="none of the pictures could be read"):
        predict_custom.run(config)
    assert "broken.png" in (tmp_path / "out" / "predictions.csv").read_text()


def test_file_names_are_no_formulas_in_the_tables_and_still_match_their_labels(tmp_path):
    names = ['=HYPERLINK("http:..x.invalid","1").png', "+1.png", "a=1.png", "sub/@b.png"]
    answers = [unread(tmp_path, name) for name in names]
    tally = write_predictions(tmp_path, answers, dict.fromkeys(names, "3"), 4, 0)
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8") as table:
        written = [row["file"] for row in csv.DictReader(table)]
    assert written == [f"./{names[0]}", "./+1.png", "a=1.png", "sub/@b.png"]
    assert tally.labelled == 4
    (tmp_path / "labels.csv").write_text("file,label\n./+1.png,3\n")
    assert read_labels(tmp_path / "labels.csv") == {"+1.png": "3"}


def unread(folder, name):
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"no picture")
    model = write_reader(folder / "model.onnx", 0)
    (answer,) = recognise([file], folder, Classifier.load(model), unsure_below=0.5, chunk_size=1)
    return answer


def test_the_steps_of_pictures_with_the_longest_names_are_drawn(tmp_path):
    names = ["a" * 251 + ".png", "a" * 250 + "b.png", "é" * 125 + ".png", "plain.png"]
    for name in names:
        picture(1).save(tmp_path / name)
    drawn = predict_custom.explain(
        [tmp_path / name for name in names], tmp_path, tmp_path / "explain", "digit"
    )
    assert len(set(drawn)) == 4
    assert drawn[-1] == tmp_path / "explain" / "plain.png.png"
    assert all(strip.is_file() for strip in drawn)


def test_single_pictures_are_read_and_only_their_labels_count(folder, monkeypatch, caplog):
    caplog.set_level("INFO")
    (folder / "labels.csv").write_text("file,label\n./a one.png,9\nb.png,9\nmore/zéro.jpg,9\n")
    model = write_reader(folder / "model.onnx", 0)
    monkeypatch.setattr(predict_custom, "plot", lambda *_: None)
    for images, count in (("a one.png", 1), (["a one.png", "more"], 2)):
        tree = compose([f"predict.output={folder / 'out'}", f"predict.model={model}"])
        places = [str(folder / each) for each in ([images] if isinstance(images, str) else images)]
        tree["predict"]["images"] = places[0] if count == 1 else places
        tree["tracking"]["enabled"] = False
        predict_custom.run(validate(tree))
        assert f"{count} of {count} labelled ones right" in caplog.text
        table = (folder / "out" / "predictions.csv").read_text(encoding="utf-8")
        assert table.count("\n") == count + 1
        assert "\na one.png," in table
    assert not [each for each in caplog.records if each.levelname == "WARNING"]


def test_what_is_read_is_named_in_a_few_words():
    def named(images):
        return predict_custom.what_is_read(validate(compose([f"predict.images={images}"])).predict)

    assert named("data/custom") == "pictures in custom"
    assert named("[a/seven.png,b,c]") == "pictures in seven.png and 2 other places"
