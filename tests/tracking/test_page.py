"""The top of a run's page."""

from PIL import Image
from support.recording import LOST, PICTURES, SETTINGS, TRAIN, recorded_training

from pipeline.tracking.names import DATA_NOTE_TAG, DATA_RUN_TAG, DESCRIPTION_TAG
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import child_run, new_run, reopened_run
from pipeline.tracking.recording.records import File, Metrics, Tags


def test_the_page_of_a_training_has_its_numbers_and_its_best_plot(client, tmp_path):
    Image.new("RGB", (1200, 900)).save(tmp_path / "confusion_matrix.png")
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(
            Tags({DATA_NOTE_TAG: "other data stands in"}),
            Metrics({"val_accuracy": 0.97, "parameters": 1234}),
        )
    page = client.get_run(recorder.run_id()).data.tags[DESCRIPTION_TAG]
    assert "**97.00 %** of validation digits right" in page
    assert "1,234 parameters" in page
    assert "**other data stands in**" in page
    with reopened_run(SETTINGS, recorder.run_id(), LOST) as evaluate:
        evaluate.record(
            Metrics({"test_accuracy": 0.96, "test_mistakes": 20, "test_pictures": 500}),
            Metrics({"corrupted_accuracy": 0.733, "ms_per_picture": 0.0541}),
            *File.each([tmp_path / "confusion_matrix.png"], "evaluate"),
        )
    page = client.get_run(recorder.run_id()).data.tags[DESCRIPTION_TAG]
    assert page.startswith("**96.00 %** of test digits right")
    assert "20 of 500 read wrong" in page
    assert "\n\n73.3 % of corrupted digits right · 0.054 ms a picture\n\n" in page
    assert "get-artifact?path=page%2Fevaluate%2Fconfusion_matrix.png" in page
    small = client.download_artifacts(recorder.run_id(), "page/evaluate/confusion_matrix.png")
    assert Image.open(small).size == (640, 480)


def test_the_page_of_predictions_counts_those_that_are_unsure(client):
    request = RunRequest("digits", "pictures in custom", {"stage": "predict-custom"})
    with child_run(SETTINGS, recorded_training(), LOST, request) as recorder:
        recorder.record(
            Metrics({"custom_pictures": 12, "custom_accuracy": 0.5, "custom_unsure": 3})
        )
    page = client.get_run(recorder.run_id()).data.tags[DESCRIPTION_TAG]
    assert page == "12 pictures · **50.00 %** of the labelled ones right · 3 unsure"


def test_any_other_run_keeps_the_description_it_has(client, caplog):
    with new_run(SETTINGS, PICTURES) as recorder:
        recorder.record(Metrics({"val_accuracy": 0.9}), Tags({DESCRIPTION_TAG: "a table"}))
    assert client.get_run(recorder.run_id()).data.tags[DESCRIPTION_TAG] == "a table"
    assert not caplog.records, "a page was tried and could not be written"


def test_the_numbers_of_a_training_stand_beside_its_low_matrix_and_name_its_data(client, tmp_path):
    Image.new("RGB", (200, 90)).save(tmp_path / "confusion_low.png")
    data = recorded_training()
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(
            Tags({DATA_RUN_TAG: data}),
            Metrics({"val_accuracy": 0.97, "parameters": 1234}),
            *File.each([tmp_path / "confusion_low.png"], "evaluate"),
        )
    page = client.get_run(recorder.run_id()).data.tags[DESCRIPTION_TAG]
    assert page.startswith("<table><tr><td><b>97.00 %</b> of validation digits right<br>1,234 par")
    assert f'({data[:8]})</a></td><td><img src="get-artifact?path=evaluate%2Fconfusion_low' in page
    assert "this run" not in page
