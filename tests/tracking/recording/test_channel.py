"""The way to the recorder process: one for all stages with the same code and store."""

import shutil

import pytest
from filelock import FileLock
from support.recording import recorded_training, recorders

from pipeline.config.places import ROOT
from pipeline.tracking.recording import channel


def test_stages_share_one_recorder_process():
    recorded_training()
    before = recorders()
    recorded_training()
    assert recorders() == before
    assert len(before) == 1


@pytest.mark.parametrize(
    "file", ["tracking/page.py", "tracking/recording/server.py", "config/schema.py",
             "system/errors.py"],
)  # fmt: skip
def test_changed_code_gets_a_recorder_process_of_its_own(file, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "pipeline", tmp_path / "pipeline")
    monkeypatch.setattr(channel, "ROOT", tmp_path)
    before = channel._server_digest()
    with (tmp_path / "pipeline" / file).open("a") as code:
        code.write("# changed\n")
    assert channel._server_digest() != before


def test_another_store_or_setting_gets_a_recorder_process_of_its_own(tmp_path, monkeypatch):
    digests = {channel._server_digest()}
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)  # of the run, and so no setting
    assert digests == {channel._server_digest()}
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    digests.add(channel._server_digest())
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    digests.add(channel._server_digest())
    assert len(digests) == 3


def test_a_start_of_the_recorder_process_that_halts_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(channel, "START_TIMEOUT", 0.05)
    with (
        FileLock(tmp_path / "a.lock"),
        pytest.raises(channel.RecordingError, match="another command has not finished starting"),
    ):
        channel._connect(tmp_path / "a.socket")


def test_a_recorder_process_that_does_not_start_is_reported_with_its_last_line(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(channel, "SERVER", "pipeline.no_such_module")
    with pytest.raises(channel.RecordingError, match=r"did not start .*no_such_module") as caught:
        channel._connect(tmp_path / "a.socket")
    assert "\n" not in str(caught.value)


def test_a_folder_that_others_can_write_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(channel.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = channel._socket().parent
    folder.chmod(0o777)
    with pytest.raises(channel.RecordingError, match="other users can write there"):
        channel._socket()
