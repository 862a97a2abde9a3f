"""Pictures sent to the service are read as predict-custom reads them."""

import base64
import json
from functools import partial

import numpy as np
from support.networks import answers_in_pictures
from support.service import multipart

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.preprocessing.decoding import decode
from pipeline.digits.recognition.digit import classify, prepare


def read_here(content, models):
    """Return the prediction for a picture, read without the service."""
    seen = prepare("body", partial(decode, content), thumbnail=False)
    return next(classify([seen], Classifier.load(models / "model.onnx"), 0.7))


def test_a_picture_as_the_body_is_read_as_predict_custom_reads_it(client, models, seven):
    status, answers = client.post("/read", seven)
    expected = read_here(seven, models)
    assert status == 200
    assert answers["predictions"] == [
        {
            "file": "body",
            "digit": str(expected.digit),
            "confidence": expected.confidence,
            "second": str(expected.second),
            "second_confidence": expected.second_confidence,
            "status": expected.status,
            "detail": expected.detail,
        }
    ]
    assert answers["network"]["title"] == "mlp 8 · 1 epoch"


def test_it_shows_what_the_network_saw(client, models, seven):
    _, answers = client.post("/read?seen=true", seven)
    seen, expected = answers["predictions"][0]["seen"], read_here(seven, models)
    assert base64.b64decode(seen["pixels"]) == expected.image.tobytes()
    assert np.allclose(seen["probabilities"], expected.probabilities)


def test_several_pictures_are_answered_in_order_and_a_broken_one_alone_is_an_error(client, seven):
    body, kind = multipart([("a.png", seven), ("b.txt", b"no picture"), ("c.png", seven)])
    status, answers = client.post("/read", body, Content_Type=kind)
    found = [(each["file"], each["status"] == "error") for each in answers["predictions"]]
    assert (status, found) == (200, [("a.png", False), ("b.txt", True), ("c.png", False)])


def test_whole_numbers_come_with_their_boxes(client, seven):
    status, answers = client.post("/read?mode=number", seven)
    (answer,) = answers["predictions"]
    assert (status, answers["network"]["name"]) == (200, "lines")
    assert answer["boxes"]
    width, height = answer["size"]
    for box in answer["boxes"]:
        assert 0 <= box["left"] <= box["left"] + box["width"] <= width
        assert 0 <= box["top"] <= box["top"] + box["height"] <= height


def test_what_mlflow_takes_is_answered_as_mlflow_answers(client):
    labels = np.array([3, 8])
    images = np.zeros((2, 28, 28), np.uint8)
    images[:, 14] = answers_in_pictures(labels)[:, 0]
    forms = [
        {"inputs": images.tolist()},
        {"instances": images.tolist()},
        {"dataframe_split": {"columns": ["picture"], "data": [[each] for each in images.tolist()]}},
        {"dataframe_records": [{"picture": each} for each in images.tolist()]},
    ]
    for form in forms:
        status, answers = client.post("/invocations", json.dumps(form))
        assert (status, [row["digit"] for row in answers["predictions"]]) == (200, [3, 8])
        assert set(answers["predictions"][0]) == {
            *("digit", "confidence", "alternatives", "status", "detail")
        }
    _, one = client.post("/invocations", json.dumps({"inputs": images[0].tolist()}))
    assert [row["digit"] for row in one["predictions"]] == [3]


def test_the_threshold_of_an_invocation_counts(client, seven):
    images = [base64.b64encode(seven).decode()]
    states = [
        client.post("/invocations", json.dumps({"inputs": images, "params": {"unsure_below": t}}))[
            1
        ]["predictions"][0]["status"]
        for t in (0.0, 1.0)
    ]
    assert states == ["ok", "unsure"]
