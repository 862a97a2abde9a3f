"""Right answers beside pictures, as people's programs write such tables."""

import pytest

from pipeline.digits.preprocessing.labels import (
    plain_number,
    read_labels,
    same_number,
    usable_labels,
)
from pipeline.system.errors import InputError


def labels_of(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_labels(path)


@pytest.mark.parametrize(
    "text",
    [
        "file,label\na.png,3\nb.png,10\n",
        "\ufefffile,label\r\na.png,3\r\nb.png,10\r\n",
        "note,label,file\nold,3,a.png\n,10,b.png\n",
        'file,label\n" a.png ",3.0\nb.png,10.0\nc.png,\n   \n\n',
        "file,label,note\na.png,3,,\nb.png,10\n,,\n",
        "file,label\n./a.png,3\n.//b.png,10\n",
    ],
    ids=["plain", "by Excel", "more columns", "by pandas", "commas more or less", "by find"],
)
def test_tables_of_any_program_are_read(tmp_path, text):
    assert labels_of(tmp_path, text) == {"a.png": "3", "b.png": "10"}


def test_without_a_table_nothing_is_known(tmp_path):
    assert read_labels(tmp_path / "labels.csv") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file;label\na.png;3\n", "needs the columns file,label, with a comma between"),
        ("", "needs the columns"),
        ("file,label\na.png,3\nb.png\n", "line 3: needs as many values as line 1"),
        ("file,label\na.png,3,4\n", "line 2: needs as many values as line 1"),
        ("file,label\na.png,3\n./a.png,4\n", "a.png has two labels, 3 and 4; keep one"),
        ("file,label\nä.png,3\n".encode("latin-1"), "not UTF-8 text"),
        (b'file,label\n"a\x00.png,3', "labels.csv"),
        (f"file,label\n{'a' * 200_000},3\n", "not a table of file,label"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused_in_one_line(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        labels_of(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_anything_but_a_file_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("folder", "link"):
        with pytest.raises(InputError, match=f"{name}: not a file"):
            read_labels(tmp_path / name)


@pytest.mark.parametrize(
    ("label", "digit", "number"),
    [
        ("7", "7", "7"),
        ("07", "7", "07"),
        ("７", "7", "7"),
        ("٧", "7", "7"),
        (" 7", "7", " 7"),
        ("10", None, "10"),
        ("1 ٢\n3", None, "1 2\n3"),
        ("-1", None, None),
        ("7.5", None, None),
        ("²", None, None),
        ("nine", None, None),
    ],
)
def test_a_label_is_a_digit_or_number_in_any_script_or_nothing(label, digit, number):
    assert plain_number(label, single=True) == digit
    assert plain_number(label, single=False) == number


def test_blanks_do_not_make_a_number_another():
    assert same_number("20 26", "2026")
    assert same_number(7, " 7 ")
    assert not same_number("20 26", "2025")
    assert not same_number(None, "2025")


@pytest.mark.parametrize("mode", ["digit", "number"])
def test_labels_that_cannot_be_right_are_warned_about_and_not_counted(caplog, mode):
    labels = {"a.png": "07", "b.png": "1 2\n3", "c.png": "nine", "A.PNG": "7", "d.png": "٧"}
    usable = usable_labels(labels, {"a.png", "b.png", "c.png", "d.png"}, single=mode == "digit")
    used, numberless = {
        "digit": ({"a.png": "7", "A.PNG": "7", "d.png": "7"}, "2, such as b.png,1 2 3"),
        "number": (
            {"a.png": "07", "b.png": "1 2\n3", "A.PNG": "7", "d.png": "7"},
            "1, such as c.png,nine",
        ),
    }[mode]
    assert usable == used
    assert [record.getMessage() for record in caplog.records] == [
        "labels.csv: rows that name a missing picture and are not counted: 1, such as A.PNG,7",
        f"labels.csv: rows that have a label that is no {mode} and are not counted: {numberless}",
        "labels.csv: rows whose label is in another script, read as 0 to 9: 1, such as d.png,٧",
    ]
