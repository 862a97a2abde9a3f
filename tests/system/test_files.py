"""Files are whole or not there, and folders are for one process at a time."""

import errno
import os

import pytest

from pipeline.system import files


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write_half():
        with files.replace_when_written(path) as temporary:
            temporary.write_text("ne")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_for_one_block_at_a_time_and_goes_when_that_has_ended_well(tmp_path):
    with files.reserve_state_folder(tmp_path / "state") as first:
        (first / "file").write_text("first")
        with files.reserve_state_folder(tmp_path / "state") as second:
            assert second is None
        assert (first / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == []
    with files.reserve_state_folder(tmp_path / "state") as third:
        assert third == first


def test_a_folder_is_kept_for_the_next_when_a_block_fails(tmp_path):
    def fail():
        with files.reserve_state_folder(tmp_path) as folder:
            (folder / "file").write_text("half")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    with files.reserve_state_folder(tmp_path) as folder:
        assert (folder / "file").read_text() == "half"


def test_a_full_disk_is_reported_with_the_file_that_did_not_fit(tmp_path):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(OSError, match="No space left") as caught,
        files.replace_when_written(tmp_path / "answers.csv"),
    ):
        raise full
    assert caught.value.filename == str(tmp_path / "answers.csv")


def test_a_folder_in_the_place_of_a_file_is_reported_by_its_own_name(tmp_path):
    with (
        pytest.raises(OSError, match="Is a directory") as caught,
        files.replace_when_written(tmp_path) as temporary,
    ):
        temporary.write_text("report")
    assert caught.value.filename == str(tmp_path)


@pytest.mark.parametrize(
    "name", ["=1+1.png", "+1.png", "-1.png", "@a/b.png", "\t=1.png", "＝1.png"]
)
def test_no_spreadsheet_calculates_the_path_of_a_file(name):
    assert files.path_for_table(name) == f"./{name}"
    assert files.path_for_table(f"a{name}") == f"a{name}"
