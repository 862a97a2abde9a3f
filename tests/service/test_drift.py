"""/metrics says whether the last pictures are of the training data's kind."""

import math

import pytest
from support.networks import write_with_reference
from support.service import multipart, running

from pipeline.inventory import readers


@pytest.fixture
def watched(untracked, models, monkeypatch, tmp_path):
    monkeypatch.setattr(readers, "ONNX_FILE", write_with_reference(tmp_path / "model.onnx"))
    with running(untracked) as client:
        yield client


def p_value(client):
    _, text = client.get("/metrics")
    (line,) = [each for each in text.decode().splitlines() if each.startswith("digits_drift_p")]
    return float(line.split()[1])


def test_the_last_pictures_are_compared_but_not_the_pages_unfinished_ones(watched, seven):
    body, kind = multipart([("seven.png", seven)] * 40)
    assert math.isnan(p_value(watched))
    assert watched.post("/read?seen=true", body, Content_Type=kind)[0] == 200
    assert math.isnan(p_value(watched))
    assert watched.post("/read", body, Content_Type=kind)[0] == 200
    assert p_value(watched) < 0.05
