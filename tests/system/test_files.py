"""Files are whole or not there, and folders are for one process at a time."""

import errno
import os
import subprocess
import sys

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


def write_two(folder, *, fails=False):
    with files.replace_together(last=folder / "last"):
        files.write_text(folder / "last", "new")
        files.write_text(folder / "first", "new")
        if fails:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_files_that_belong_together_are_all_replaced_or_none(tmp_path):
    for name in ("first", "last"):
        (tmp_path / name).write_text("old")
    with pytest.raises(OSError, match="No space left"):
        write_two(tmp_path, fails=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "first": "old",
        "last": "old",
    }
    write_two(tmp_path)
    assert [(tmp_path / name).read_text() for name in ("first", "last")] == ["new", "new"]


def test_killed_between_two_files_that_belong_together_the_last_is_missing(tmp_path, monkeypatch):
    for name in ("first", "last"):
        (tmp_path / name).write_text("old")
    replaced = []

    def replace(path, temporary):
        if replaced:
            raise KeyboardInterrupt  # stands in for a kill
        replaced.append(path.name)
        temporary.replace(path)

    monkeypatch.setattr(files, "_replace", replace)
    with pytest.raises(KeyboardInterrupt):
        write_two(tmp_path)
    assert replaced == ["first"]
    assert not (tmp_path / "last").exists()


def test_an_unfinished_file_stays_where_it_is_wanted(tmp_path):
    path, part = tmp_path / "answers.csv", tmp_path / "answers.part.csv"
    path.write_text("old")

    def write_half():
        with files.replace_when_written(path, part) as temporary:
            temporary.write_text("ne")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_half()
    assert (path.read_text(), part.read_text()) == ("old", "ne")


def test_the_unfinished_file_of_a_killed_process_goes_with_the_next_write(tmp_path):
    code = (
        "import os, pathlib, signal, sys\n"
        "from pipeline.system.files import replace_when_written\n"
        "with replace_when_written(pathlib.Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "file.json"
    subprocess.run([sys.executable, "-c", code, path], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    ours = tmp_path / f".file-{os.getpid()}-abcdefgh.json"
    others = tmp_path / ".file-cat-1-abcdefgh.json.txt"
    for each in (ours, others):
        each.touch()
    files.write_text(path, "whole")
    assert {each.name for each in tmp_path.iterdir()} == {path.name, ours.name, others.name}


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


def test_a_folder_that_cannot_be_written_to_is_reported_with_the_file_meant(tmp_path, monkeypatch):
    def refuse(dir, prefix, suffix):  # a stand-in, as nothing is read-only for root
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(dir / f"{prefix}x{suffix}"))

    monkeypatch.setattr(files.tempfile, "mkstemp", refuse)
    with pytest.raises(OSError, match="Read-only") as caught:
        files.write_text(tmp_path / "metrics.json", "{}")
    assert caught.value.filename == str(tmp_path / "metrics.json")


@pytest.mark.parametrize(
    "name", ["=1+1.png", "+1.png", "-1.png", "@a/b.png", "\t=1.png", "＝1.png"]
)
def test_no_spreadsheet_calculates_the_path_of_a_file(name):
    assert files.path_for_table(name) == f"./{name}"
    assert files.path_for_table(f"a{name}") == f"a{name}"
