"""What waits, and why, is said in one line, and once."""

import os
import subprocess
import sys
import uuid

import pytest
from support.recording import SETTINGS, TRAIN

from pipeline.tracking.recording import notices
from pipeline.tracking.recording.journal import (
    Header,
    Journal,
    journals,
    note_taken,
    store_folder,
    tidy,
)
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.recording.records import Finish, Metrics

URI = "http://me:secret@127.0.0.1:9"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    folder = store_folder(URI)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write():
    def write(*records, run_id=None):
        opening = Opening(run_id or uuid.uuid4().hex, TRAIN)
        journal = Journal(Header(URI, SETTINGS, opening, "code"))
        for record in records:
            journal.append(record)
        journal.end()
        journal.close()
        return journals(journal.folder)[-1]

    return write


def test_what_waits_is_counted(write):
    assert notices.waiting() == []
    first = write(Metrics({"loss": 1.0}), Finish("FINISHED"), run_id="a" * 32)
    (line,) = notices.waiting()
    assert line == (
        "3 records of 1 run wait for http://me:…@127.0.0.1:9; `digits sync` delivers them"
    )
    write(Finish(None), run_id="a" * 32)
    assert notices.waiting()[0].startswith("5 records of 1 run wait")
    write(run_id="b" * 32)
    assert notices.waiting()[0].startswith("6 records of 2 runs wait")
    for path in journals(first.parent):
        note_taken(path, f"line {path.stat().st_size}")
    assert notices.waiting() == []


def test_a_run_waits_by_either_id(folder, write):
    path = write(run_id="a" * 32)
    note_taken(path, f"run {'b' * 32}")
    assert notices.is_waiting(folder, "a" * 32)
    assert notices.is_waiting(folder, "b" * 32)
    assert not notices.is_waiting(folder, "c" * 32)


def test_a_command_says_once_that_a_store_fails(folder, caplog, monkeypatch):
    notices.tell(folder)
    assert caplog.text == ""
    for _ in range(2):
        notices.mark_failing(folder, "the MLflow server does not answer")
        notices.tell(folder)
        notices.tell(folder)
        notices.clear_failing(folder)
    (warning,) = caplog.messages
    assert warning.startswith("the MLflow server does not answer; what is recorded waits in ")
    assert "`digits sync`" in warning
    notices.mark_failing(folder, "the MLflow server does not answer")
    monkeypatch.setattr(os, "getpgid", lambda _: -1)
    notices.tell(folder)
    assert len(caplog.messages) == 2, "the next command says so again"


def test_a_note_is_logged_once_and_in_order(folder, caplog):
    for text in ("one", "two"):
        notices.note(folder, text)
    notices.tell(folder)
    notices.tell(folder)
    assert caplog.messages == ["one", "two"]


def test_a_note_is_told_once_it_is_whole_and_half_of_one_does_not_stay(folder, caplog):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    notices.note(folder, "whole")
    (whole,) = folder.glob("*.note")
    ours, theirs = (
        folder / f".{whole.stem}-{pid}-abcdefgh.note" for pid in (os.getpid(), ended.pid)
    )
    for each in (ours, theirs):
        each.write_text("wh")
    tidy(folder)
    notices.tell(folder)
    assert caplog.messages == ["whole"]
    assert list(folder.iterdir()) == [ours]
