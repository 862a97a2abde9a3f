"""Opening picture files: what is no file that can be read is refused in one line."""

import os

import pytest
from PIL import Image

from pipeline.digits.preprocessing import decoding
from pipeline.digits.preprocessing.decoding import MAX_BYTES, PictureError, read_picture


@pytest.fixture
def path(tmp_path):
    Image.new("L", (150, 120), 200).save(tmp_path / "mine.png")
    return tmp_path / "mine.png"


def test_a_folder_a_pipe_a_broken_link_and_a_link_to_itself_are_errors(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    os.mkfifo(tmp_path / "pipe.png")

    for name, reason in zip(
        ["folder", "gone", "loop", "pipe"],
        ["folder", "is a link to a missing file, .*nowhere.png$", "links", "regular"],
        strict=True,
    ):
        with pytest.raises(PictureError, match=reason):
            read_picture(tmp_path / f"{name}.png")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_no_permission_is_an_error(path):
    path.chmod(0)

    with pytest.raises(PictureError, match="Permission"):
        read_picture(path)


def test_no_permission_is_an_error_even_where_root_tests(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(PictureError, match="Permission denied"):
        read_picture(tmp_path / "mine.png")


def test_a_file_beyond_the_limit_is_not_read(path):
    os.truncate(path, MAX_BYTES + 1)  # takes no room on the disk

    with pytest.raises(PictureError, match="too large: more than 512 MB"):
        read_picture(path)


def test_a_disk_that_fails_is_an_error(path, monkeypatch):
    class Failing:
        def __init__(self, *_, **__):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(decoding, "FileIO", Failing)

    with pytest.raises(PictureError, match="cannot be read: Input/output error"):
        read_picture(path)


def test_what_opencv_cannot_decode_is_an_error(path, monkeypatch):
    monkeypatch.setattr(decoding.cv2, "imdecode", lambda *_: None)

    with pytest.raises(PictureError, match="is broken: its pixels cannot be decoded"):
        read_picture(path)
