"""Corrections are kept once, by content, below their folder alone, and can be taken back."""

import hashlib

import cv2
import numpy as np
import pytest
from support.service import running

from pipeline.service import app as service_app
from pipeline.service.corrections import Corrections, ending_of
from pipeline.service.limits import RefusedError


@pytest.fixture(scope="module")
def teachable(untracked, models, tmp_path_factory):
    """Run the service with a folder for corrections; return the client and the folder."""
    folder = tmp_path_factory.mktemp("data") / "corrections"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service_app, "CORRECTIONS", folder)
        with running(untracked) as client:
            yield client, folder


def files(folder):
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.*"))


def seven_as(ending, seven):
    pixels = cv2.imdecode(np.frombuffer(seven, np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(ending, pixels)[1].tobytes()


def test_a_correction_is_kept_once_moves_and_is_taken_back(teachable, seven):
    client, folder = teachable
    name = hashlib.sha256(seven).hexdigest()
    for _ in range(2):
        assert client.post("/corrections?digit=7", seven) == (201, {"id": name, "digit": 7})
        assert files(folder) == [f"7/{name}.png"]
    assert (folder / "7" / f"{name}.png").read_bytes() == seven
    assert client.post("/corrections?digit=1", seven) == (201, {"id": name, "digit": 1})
    assert files(folder) == [f"1/{name}.png"]
    assert client.ask("DELETE", f"/corrections/{name}")[::2] == (200, {"id": name, "digit": 1})
    assert files(folder) == []
    status, _, content = client.ask("DELETE", f"/corrections/{name}")
    assert status == 404
    assert name in content["error"]


def test_the_ending_follows_the_content(seven, tmp_path):
    corrections = Corrections(tmp_path)
    for ending in (".jpg", ".webp", ".bmp"):
        content = seven_as(ending, seven)
        kept = corrections.keep(content, 7, ending_of(content))
        assert (tmp_path / "7" / f"{kept.id}{ending}").read_bytes() == content


@pytest.mark.parametrize(
    ("address", "body", "status", "reason"),
    [
        ("/corrections?digit=7", b"", 400, "no picture"),
        ("/corrections?digit=7", b"no picture", 422, "the picture is not a picture"),
        ("/corrections?digit=10", b"x", 422, "digit"),
        ("/corrections?digit=../7", b"x", 422, "digit"),
        ("/corrections", b"x", 422, "digit"),
    ],
)
def test_what_is_no_correction_is_refused_in_one_line(teachable, address, body, status, reason):
    client, folder = teachable
    answered, content = client.post(address, body)
    assert answered == status
    assert reason in content["error"]
    assert "\n" not in content["error"]
    assert files(folder) == []


def test_a_broken_or_blank_picture_is_refused(teachable, seven):
    client, folder = teachable
    blank = cv2.imencode(".png", np.full((40, 40), 255, np.uint8))[1].tobytes()
    assert client.post("/corrections?digit=7", seven[: len(seven) // 2])[0] == 422
    assert client.post("/corrections?digit=7", blank)[0] == 422
    assert files(folder) == []


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://127.0.0.1:1"])
def test_a_page_elsewhere_can_neither_teach_nor_take_back(teachable, seven, origin):
    client, folder = teachable
    status, content = client.post("/corrections?digit=7", seven, Origin=origin)
    assert status == 403
    assert "own page" in content["error"]
    own = f"http://127.0.0.1:{client.port}"
    status, kept = client.post("/corrections?digit=7", seven, Origin=own)
    assert status == 201
    address = f"/corrections/{kept['id']}"
    assert client.ask("DELETE", address, Origin=origin)[0] == 403
    assert len(files(folder)) == 1
    assert client.ask("DELETE", address, Origin=own)[0] == 200


def test_an_id_names_nothing_outside_the_folder(teachable):
    client, folder = teachable
    folder.parent.joinpath("7").mkdir()
    kept = folder.parent / "7" / "precious.png"
    kept.touch()
    for name in ("..%2F..%2F7%2Fprecious", "*", "precious", "0" * 63):
        assert client.ask("DELETE", f"/corrections/{name}")[0] in (404, 422)
    assert kept.exists()


def test_no_more_are_kept_than_may_be(seven, tmp_path):
    few = Corrections(tmp_path, most_pictures=1)
    first = few.keep(seven, 7, ending_of(seven))
    few.keep(seven, 8, ending_of(seven))  # moves, needs no room
    with pytest.raises(RefusedError, match="1 pictures of corrections are kept") as caught:
        few.keep(seven_as(".jpg", seven), 7, ".jpg")
    assert caught.value.status == 507
    few.forget(first.id)
    few.keep(seven_as(".jpg", seven), 7, ".jpg")
    with pytest.raises(RefusedError, match="0 MB of corrections"):
        Corrections(tmp_path, most_megabytes=0).keep(seven, 7, ending_of(seven))


def test_what_cannot_be_written_leaves_nothing_and_is_told(seven, tmp_path, monkeypatch):
    def fails(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", fails)
    with pytest.raises(RefusedError, match="No space left") as caught:
        Corrections(tmp_path).keep(seven, 7, ending_of(seven))
    assert caught.value.status == 507
    assert files(tmp_path) == []
