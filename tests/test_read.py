"""`digits read`: a table of answers in the terminal, and which network gave them."""

import os
import subprocess
import sys

import pytest
from support.networks import write_line_reader, write_reader
from support.pictures import Ink, picture

from pipeline import read
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.places import ROOT
from pipeline.inventory import readers
from pipeline.plots import window
from pipeline.read import ReadOptions
from pipeline.system.errors import InputError
from pipeline.tracking.registry.fetching import Fetched

RUN = "3" * 32
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PATH": ""}
CONFIG = validate(compose([]))


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Go to a folder with pictures and with networks in models/; return it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans").mkdir()
    picture(0).save("scans/nought.png")
    picture(1).save("one.png")
    (tmp_path / "broken.png").write_text("no picture")
    write_line_reader(tmp_path / "models" / "lines" / "lines.onnx")
    write_reader(tmp_path / "models" / "model.onnx", 14, title="mlp 8 · 1 epoch")
    (tmp_path / "models" / "run_id.txt").write_text(RUN)
    monkeypatch.setattr(readers, "ONNX_FILE", tmp_path / "models" / "model.onnx")
    monkeypatch.setattr(readers, "LINES_FILE", tmp_path / "models" / "lines" / "lines.onnx")
    monkeypatch.setattr(read.Classifier, "load", lambda _: Ink())
    return tmp_path


@pytest.fixture
def printed(here, capsys):
    """Read pictures; return the lines printed."""

    def run(*places, **options):
        read.run(CONFIG, ReadOptions(**options), places)
        return capsys.readouterr().out.splitlines()

    return run


def test_every_picture_is_a_row_and_the_last_line_names_the_network(printed, here):
    before = sorted(here.rglob("*"))
    assert printed("one.png", "scans", "broken.png", "one.png") == [
        "file              digit   confidence  status  reason",
        "one.png           1             90 %  ok",
        "scans/nought.png  0             90 %  ok",
        "broken.png        –                –  error   is not a picture in a known format",
        f"read by mlp 8 · 1 epoch (local), MLflow run {RUN}",
    ]
    assert sorted(here.rglob("*")) == before


def test_an_answer_that_is_not_sure_has_its_reason(printed, monkeypatch):
    monkeypatch.setattr(read.Classifier, "load", lambda _: Ink(sure=0.6))
    assert printed("one.png")[1].split(maxsplit=5)[4:] == ["unsure", "could also be 7"]


def test_whole_numbers_are_read_by_their_own_network(printed, here):
    header, row, last = printed("one.png", mode="number")
    assert header.split()[1] == "number"
    assert row.split()[1] == "1"
    assert last == f"read by the network in {here}/models/lines/lines.onnx (lines)"


def test_another_network_is_asked_for_by_name(printed, monkeypatch, here):
    asked = []
    found = Fetched("models:/digits/3", here / "models" / "model.onnx", RUN, 0.9915)
    monkeypatch.setattr(read, "find_reader", lambda _, name: (asked.append(name), found)[1])
    assert printed("one.png", network=3)[-1] == (
        f"read by mlp 8 · 1 epoch (models:/digits/3), MLflow run {RUN}, "
        "99.15 % of the test digits right"
    )
    assert "(models:/digits/3, champion)" in printed("one.png", network="champion")[-1]
    assert "(models:/digits/3, old)" in printed("one.png", network="models:/digits@old")[-1]
    assert asked == ["3", "champion", "models:/digits@old"]


@pytest.mark.parametrize(
    ("places", "options", "expected"),
    [
        ((), {}, "no picture given; name some, or a folder: `digits read "),
        (("broken.png",), {}, "none of the pictures could be read; the last column says why"),
        (("one.png", "two.png"), {}, "two.png: no such folder or picture"),
        (("one.png",), {"mode": "number", "network": "champion"}, "leave it out with mode=number"),
    ],
)
def test_what_cannot_be_read_is_refused(printed, places, options, expected):
    with pytest.raises(InputError, match=expected):
        printed(*places, **options)


def test_a_champion_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setattr(readers, "fetch_champion", lambda _: None)
    with pytest.raises(InputError, match="network=champion: no network is registered"):
        readers.find_reader(CONFIG.tracking, "champion")


def test_what_is_no_setting_is_a_picture_and_so_is_a_file_with_an_equals_sign(monkeypatch, here):
    (here / "a=b.png").touch()
    arguments = ["one.png", "mode=number", "~/x", "a=b.png", "c=d.png", "--cfg=job"]
    handed = []
    monkeypatch.setattr("sys.argv", ["read", *arguments])
    monkeypatch.setattr(read, "run", lambda _, __, places: handed.extend(places))
    monkeypatch.setattr(
        read, "run_tool", lambda _, run, __, others: (run(None, None), handed.append(others))
    )
    read.main()
    assert handed == ["one.png", "~/x", "a=b.png", ["mode=number", "c=d.png", "--cfg=job"]]


def test_each_picture_is_shown_with_its_answer(printed, monkeypatch):
    shown = []
    monkeypatch.setattr(window, "open_toolkit", lambda: True)
    monkeypatch.setattr(window, "show_picture", lambda picture, *words: shown.append(words))
    printed("broken.png", "one.png", show=True)
    assert shown == [("1", "90 %, ok", "one.png")]


def test_where_no_window_opens_nothing_is_read(printed, monkeypatch, capsys):
    monkeypatch.setattr(window, "open_toolkit", lambda: False)
    with pytest.raises(InputError, match="show=true: there is no display here, or no toolkit"):
        printed("one.png", show=True)
    assert capsys.readouterr().out == ""


def test_neither_tensorflow_nor_mlflow_nor_matplotlib_is_imported(here):
    code = (
        "import sys; from pathlib import Path; from pipeline import read; "
        "from pipeline.inventory import readers; "
        "readers.ONNX_FILE = Path('models/model.onnx'); sys.argv = ['', 'one.png']; read.main(); "
        "heavy = {'tensorflow', 'keras', 'mlflow', 'matplotlib'} & sys.modules.keys(); "
        "sys.exit(' '.join(heavy) or None)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=here, env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == f"read by mlp 8 · 1 epoch (local), MLflow run {RUN}"


def test_it_ends_quietly_when_nobody_reads_on(here):
    """Also where several processes read."""
    for number in range(300):
        picture(1).save(here / "scans" / f"{number}.png")
    code = (
        "import sys; from pathlib import Path; from pipeline import read; "
        "from pipeline.inventory import readers; "
        "readers.ONNX_FILE = Path('models/model.onnx'); sys.argv = ['', 'scans']; read.main()"
    )
    read_end, write = os.pipe()
    os.close(read_end)
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=here, env=ENVIRONMENT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert (ended.returncode, ended.stderr) == (1, "")
