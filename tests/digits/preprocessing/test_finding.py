"""Finding pictures in folders, whatever lies in them."""

import os
from pathlib import Path

import pytest
from PIL import Image

from pipeline.digits.preprocessing.finding import find_at, find_pictures, name_below
from pipeline.system.errors import InputError


def test_pictures_are_found_below_by_any_case_of_suffix_sorted(tmp_path):
    names = [
        "b/Ünï cödé.JPG",
        "a b.png",
        "c.TIFF",
        "c.webp",
        "d.jpeg",
        "d.jpe",
        "e.Bmp",
        "z/y/x.tif",
    ]
    for name in [*names, "notes.txt", ".hidden.png", ".cache/q.png"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    found = find_pictures(tmp_path)

    assert found == sorted(found)
    assert {path.relative_to(tmp_path).as_posix() for path in found} == set(names)


def test_circular_links_are_survived_and_real_folders_preferred(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.png").write_bytes(b"")
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "a_link").symlink_to(tmp_path / "real")

    assert find_pictures(tmp_path) == [tmp_path / "real" / "x.png"]


def test_a_folder_is_named_by_its_own_place_and_not_by_a_link_that_sorts_after_it(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.png").write_bytes(b"")
    (tmp_path / "z_link").symlink_to(tmp_path / "real")

    assert find_pictures(tmp_path) == [tmp_path / "real" / "x.png"]


def test_linked_folders_outside_are_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.png").write_bytes(b"")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "link").symlink_to(tmp_path / "elsewhere")

    assert find_pictures(tmp_path / "mine") == [tmp_path / "mine" / "link" / "x.png"]


def test_pictures_of_formats_that_are_not_read_are_told_of(tmp_path, caplog):
    for name in ("a.png", "b.HEIC", "c.gif", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert find_pictures(tmp_path) == [tmp_path / "a.png"]
    assert caplog.messages == [
        f"{tmp_path}: pictures left out: 2, in unsupported formats (.gif .heic); save them as PNG"
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "no such folder or picture"), ("empty", "no picture")],
)
def test_a_useless_folder_is_one_clear_line(tmp_path, name, reason):
    (tmp_path / "empty").mkdir()

    with pytest.raises(InputError, match=reason) as raised:
        find_pictures(tmp_path / name)

    assert "\n" not in str(raised.value)
    assert name in str(raised.value)


def test_what_begins_like_a_picture_needs_no_suffix(tmp_path):
    for suffix in ("png", "jpg", "bmp", "tif", "webp"):
        Image.new("L", (5, 5)).save(tmp_path / f"{suffix}.{suffix}")
        (tmp_path / f"{suffix}.{suffix}").rename(tmp_path / suffix)
    (tmp_path / "README").write_text("no picture")
    (tmp_path / "empty").touch()
    (tmp_path / "version 1.2").write_bytes((tmp_path / "png").read_bytes())
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")

    names = [path.name for path in find_pictures(tmp_path)]
    assert names == ["bmp", "jpg", "png", "tif", "webp"]


def test_one_picture_is_found_whatever_its_name(tmp_path):
    (tmp_path / "seven").write_text("no picture, but asked for")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    for name in ("seven", "gone.png"):
        assert find_at([tmp_path / name]) == (tmp_path, [tmp_path / name])
    assert find_at([Path("pyproject.toml")]) == (Path(), [Path("pyproject.toml")])


def test_a_list_of_places_is_found_below_the_folder_of_all_each_picture_once(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/c/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    places = [tmp_path / "b/c/3.png", tmp_path / "a", tmp_path / "a/1.png"]
    root, found = find_at(places)
    assert root == tmp_path
    assert [name_below(root, path) for path in found] == ["b/c/3.png", "a/1.png", "a/2.png"]
    with pytest.raises(InputError, match="nowhere: no such folder or picture"):
        find_at([*places, tmp_path / "nowhere"])


def test_what_only_looks_like_a_picture_is_listed_too(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    os.mkfifo(tmp_path / "pipe.png")

    found = [path.name for path in find_pictures(tmp_path)]

    assert found == ["folder.png", "gone.png", "loop.png", "pipe.png"]


def test_a_folder_that_cannot_be_opened_is_left_out_aloud(tmp_path, monkeypatch, caplog):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "locked").mkdir()
    real = os.scandir

    def refuse(folder):
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", refuse)

    assert find_pictures(tmp_path) == [tmp_path / "a.png"]
    assert "locked: left out, it cannot be opened (Permission denied)" in caplog.text
    with pytest.raises(InputError, match=r"locked: cannot be opened \(Permission denied\)"):
        find_pictures(tmp_path / "locked")


def test_a_name_below_a_folder_is_text_for_tables(tmp_path):
    assert name_below(tmp_path, tmp_path / "a" / "b c.png") == "a/b c.png"
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    assert name_below(tmp_path, tmp_path / odd) == "caf\N{REPLACEMENT CHARACTER}.png"
