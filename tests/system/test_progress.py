"""The one progress: a bar on a terminal, lines elsewhere, nothing on request."""

import io
import logging
import subprocess
import sys
import time

import pytest

from pipeline.system import progress as module
from pipeline.system.progress import progress, track


class Terminal(io.StringIO):
    def isatty(self):
        return True


def at_a_terminal(monkeypatch):
    """Put a terminal in place of stderr; called by the test, since pytest, too, replaces it."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    return sys.stderr


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "pipeline")
    return caplog


@pytest.fixture
def clock(monkeypatch):
    """Let every look at the clock find it a second later."""
    ticks = iter(range(1_000_000))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(ticks)))


def test_off_a_terminal_a_step_with_a_text_is_a_line(lines):
    with progress(12, "epoch") as shown:
        shown.step("loss 0.5")
        shown.step("loss 0.4", by=2)
    assert lines.messages == ["epoch 1/12: loss 0.5", "epoch 3/12: loss 0.4"]
    assert {record.name for record in lines.records} == {"pipeline.system.progress"}


def test_many_steps_share_a_line_every_ten_seconds(lines, clock):
    assert list(track(range(40), 40, "picture")) == list(range(40))
    assert lines.messages == [
        "picture 10/40, about 30 s left",
        "picture 20/40, about 20 s left",
        "picture 30/40, about 10 s left",
        "picture 40/40, about 0 s left",
    ]


def test_a_long_step_is_followed_at_most_once_a_minute(lines, clock):
    with progress(3, "trial") as shown:
        shown.step("done")
        for number in range(1, 130):
            shown.detail(f"epoch {number}")
    assert lines.messages == ["trial 1/3: done", "trial 2/3: epoch 60", "trial 2/3: epoch 120"]


def test_bytes_are_shown_in_megabytes_with_and_without_a_known_total(lines, clock):
    for total in (40_000_000, 0):
        with progress(total, "B", "mnist.npz") as shown:
            for _ in range(10):
                shown.step(by=1_000_000)
    known, unknown = lines.messages
    assert known == "mnist.npz: 10.0/40.0 MB, about 30 s left"
    assert unknown == "mnist.npz: 10.0 MB"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(5, "5 s"), (89, "89 s"), (150, "2 min"), (10_000, "3 h")]
)
def test_the_time_left_is_shown_in_a_unit_that_fits(seconds, expected):
    assert module.duration(seconds) == expected


def test_a_terminal_shows_a_bar_with_the_text(lines, monkeypatch):
    terminal = at_a_terminal(monkeypatch)
    with progress(3, "epoch", "train") as shown:
        for loss in (0.5, 0.4, 0.3):
            shown.step(f"loss {loss}")
    drawn = terminal.getvalue()
    assert "train: 100%" in drawn
    assert "3/3" in drawn
    assert "loss 0.3" in drawn
    assert not lines.messages


def test_what_is_logged_meanwhile_stands_above_the_bar(monkeypatch):
    terminal = at_a_terminal(monkeypatch)
    root = logging.getLogger()
    handler = logging.StreamHandler(terminal)
    root.addHandler(handler)
    try:
        with progress(2, "epoch") as shown:
            shown.step()
            logging.getLogger("pipeline").warning("a message")
    finally:
        root.removeHandler(handler)
    before, after = terminal.getvalue().split("a message\n")
    assert before.endswith("\r")
    assert "1/2" in after


def test_what_is_quick_shows_no_bar(monkeypatch):
    terminal = at_a_terminal(monkeypatch)
    assert list(track("abc", 3, "picture")) == ["a", "b", "c"]
    assert "picture" not in terminal.getvalue()


def test_what_lasts_shows_a_bar(monkeypatch):
    import tqdm.std

    terminal = at_a_terminal(monkeypatch)

    began = time.time()
    ticks = iter(range(1_000_000))
    monkeypatch.setattr(tqdm.std, "time", lambda: began + next(ticks))
    assert list(track("abcdef", 6, "picture")) == list("abcdef")
    assert "6/6" in terminal.getvalue()


@pytest.mark.parametrize("tty", [True, False])
def test_both_are_silent_on_request(tty, lines, monkeypatch):
    monkeypatch.setenv("DIGITS_PROGRESS", "0")
    monkeypatch.setattr(sys, "stderr", Terminal() if tty else io.StringIO())
    with progress(2, "epoch") as shown:
        shown.step("loss 0.5")
    assert sys.stderr.getvalue() == ""
    assert not lines.messages


def test_the_bar_is_imported_only_where_one_is_shown():
    code = (
        "import sys; from pipeline.system.progress import track; "
        "list(track('abc', 3, 'picture')); sys.exit('tqdm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0
