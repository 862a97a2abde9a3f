"""oneDNN is on, whatever the environment says."""

import os

import pytest

from pipeline.digits.training.start.onednn import turn_on_onednn


@pytest.mark.parametrize("before", ["", "0"])
def test_onednn_is_on_also_where_the_environment_has_it_off(before, monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", before)
    turn_on_onednn()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
