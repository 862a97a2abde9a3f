"""oneDNN is turned on, unless the user has decided."""

import os

import pytest

from pipeline.digits.training.start.onednn import turn_on_onednn


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_onednn_is_on_unless_the_user_has_decided(before, after, monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if before:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", before)
    turn_on_onednn()
    assert os.environ.pop("TF_ENABLE_ONEDNN_OPTS") == after
