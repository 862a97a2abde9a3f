"""The journal: what is written is read back, and what is damaged is noticed."""

import fcntl
import os
import subprocess
import sys
import time
import zlib
from itertools import count

import numpy as np
import pytest
from support.killing import killed_after
from support.recording import SETTINGS, TRAIN

from pipeline.tracking.recording.journal import (
    KINDS,
    Header,
    Journal,
    Taken,
    UnusableError,
    copied_file,
    count_waiting,
    decode,
    encode,
    header_of,
    is_abandoned,
    journals,
    lines,
    note_taken,
    remove,
    store_folder,
    tidy,
)
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.recording.records import File, Metrics, Params, Record, Tags

URI = "http://127.0.0.1:9"
HEADER = Header(URI, SETTINGS, Opening("a" * 32, TRAIN), "code")
WRITER = f"""
import os
from support.recording import SETTINGS, TRAIN
from pipeline.tracking.recording.journal import Header, Journal
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.recording.records import Metrics
journal = Journal(Header("{URI}", SETTINGS, Opening("a" * 32, TRAIN), "code"))
journal.append(Metrics({{"loss": 1.0}}))
os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def journal():
    journal = Journal(HEADER)
    yield journal
    journal.close()


def path_of(journal):
    (path,) = journals(journal.folder)
    return path


def contents(path, start=0):
    return [content for content, _ in lines(path, start)]


def test_what_is_written_is_read_back(journal):
    records = [Params({"seed": 1}), Metrics({"loss": np.float32(0.5)}, step=1), Tags({"a": "é\n"})]
    for record in records:
        journal.append(record)
    path = path_of(journal)
    assert contents(path) == [HEADER, *records]
    assert header_of(path) == HEADER
    assert count_waiting(path) == 4


def test_later_journals_come_later_though_the_clock_was_put_back(journal, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    later = Journal(HEADER)
    later.append(Metrics({"loss": 1.0}))
    assert [len(contents(path)) for path in journals(journal.folder)] == [1, 2]
    later.close()


def test_only_its_owner_can_read_it(journal):
    assert path_of(journal).stat().st_mode & 0o077 == 0
    assert journal.folder.stat().st_mode & 0o077 == 0


def test_the_local_store_and_servers_have_folders_of_their_own(home, monkeypatch):
    local = store_folder(f"sqlite:///{home}/mlflow.db")
    assert local == home / ".journal" / "local"
    assert len({local, store_folder(URI), store_folder(URI + "0")}) == 3


@pytest.mark.parametrize("place", [3, 12, 40, -2])
def test_an_altered_line_is_noticed_and_the_next_ones_count(journal, place):
    path = path_of(journal)
    start = path.stat().st_size
    journal.append(Metrics({"loss": 0.5}))
    middle = path.stat().st_size
    journal.append(Metrics({"loss": 0.25}, at=1.0))
    written = bytearray(path.read_bytes())
    written[(start if place > 0 else middle) + place] ^= 1
    path.write_bytes(written)
    assert contents(path) == [HEADER, None, Metrics({"loss": 0.25}, at=1.0)]


def test_a_torn_line_is_none_yet(journal):
    path, line = path_of(journal), encode(Metrics({"loss": 1.0}))
    with path.open("ab") as file:
        file.write(line[:-1])
    assert contents(path) == [HEADER]
    with path.open("ab") as file:
        file.write(line[-1:])
    assert len(contents(path)) == 2


@pytest.mark.parametrize(
    "body", [b'["Metrics",{"values":{"a":"x"}}]', b'["Unknown",{}]', b'["os.system",{}]', b"1"]
)
def test_a_line_of_another_version_is_no_damage(body):
    with pytest.raises(UnusableError):
        decode(b"%08x %s" % (zlib.crc32(body), body))


def test_a_record_that_could_not_be_read_back_is_not_written(journal):
    with pytest.raises(UnusableError, match="values"):
        journal.append(Tags({"number": 3}))
    assert contents(path_of(journal)) == [HEADER]


def test_a_full_disk_leaves_whole_lines(journal, monkeypatch):
    path, write = path_of(journal), os.write
    before = path.read_bytes()
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:5]))
    with pytest.raises(OSError, match="No space left"):
        journal.append(Metrics({"loss": 1.0}))
    assert path.read_bytes() == before


def test_a_file_is_kept_as_it_was(journal, tmp_path):
    original = tmp_path / "metrics.json"
    original.write_text("{}")
    for record in File.each([original, original], "train"):
        journal.append(record)
    original.unlink()
    path = path_of(journal)
    _, *kept = contents(path)
    assert {record.folder for record in kept} == {"train"}
    copy = copied_file(path, kept[0].path)
    assert (copy.name, copy.read_text()) == ("metrics.json", "{}")
    copy.write_text("[]")
    with pytest.raises(ValueError, match=r"metrics\.json in the journal is damaged"):
        copied_file(path, kept[0].path)
    for outside in ("../../mlflow.db", "/etc/hostname"):
        with pytest.raises(ValueError, match="damaged"):
            copied_file(path, outside)


def test_it_is_abandoned_once_it_is_ended(journal):
    assert not is_abandoned(path_of(journal))
    journal.end()
    assert is_abandoned(path_of(journal))


def test_it_is_abandoned_once_its_writer_is_killed():
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": path}
    assert subprocess.run([sys.executable, "-c", WRITER], env=environment).returncode == -9
    (journal,) = journals(store_folder(URI))
    assert is_abandoned(journal)
    assert len(contents(journal)) == 2


def test_killed_at_any_step_of_writing_no_record_is_lost_and_the_next_journal_tidies(
    home, monkeypatch
):
    (home / "chart.txt").write_text("a chart")
    records = [Metrics({"loss": 1.0}), *File.each([home / "chart.txt"], "train"), Tags({"a": "b"})]
    folder = store_folder(URI)
    for steps in count():
        written = []
        with killed_after(steps, folder, monkeypatch) as kill:
            journal = Journal(HEADER)
            for record in records:
                journal.append(record)
                written.append(record.label)
            journal.end()
        again = Journal(HEADER)
        *killed, last = journals(folder)
        kept = [each.label for path in killed for each in contents(path)[1:]]
        assert all(map(is_abandoned, killed)), steps
        assert kept[: len(written)] == written, steps
        assert kept == [record.label for record in records[: len(kept)]], steps
        for each in killed:
            assert all(
                copied_file(each, file.path) for file in contents(each) if type(file) is File
            )
        again.close()
        for each in (*killed, last):
            remove(each)
        assert not any(folder.iterdir()), steps
        if not kill.struck:
            break
    journal.close()
    assert steps > 12


def test_a_journal_that_is_about_to_be_locked_is_not_tidied_away(monkeypatch):
    """Another process tidies between the creation of the file and its lock."""
    lock, tidied = fcntl.flock, []

    def tidy_first(file, how):
        if not tidied and how == fcntl.LOCK_EX:
            tidied.append(True)
            tidy(store_folder(URI))
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", tidy_first)
    journal = Journal(HEADER)
    assert tidied
    assert contents(path_of(journal)) == [HEADER]
    tidy(journal.folder)
    note_taken(path_of(journal), "try")
    assert journal.taken().tries == 1
    journal.close()


def test_what_is_taken_is_known_also_after_its_removal(journal):
    path = path_of(journal)
    for what in ("try", "try", f"run {'b' * 32}", f"line {path.stat().st_size}", "done"):
        note_taken(path, what)
    assert count_waiting(path) == 0
    assert Taken.of(path) == Taken(2, "b" * 32, path.stat().st_size, is_finished=True)
    note_taken(path, "over")
    assert Taken.of(path) == Taken(2)
    note_taken(path, f"run {'c' * 32}")
    remove(path)
    assert journal.taken().run_id == "c" * 32
    assert not any(journal.folder.iterdir())


def test_a_torn_note_of_what_is_taken_does_not_count():
    assert Taken.parse(b"try\nrun abc\nline 10\nline 2") == Taken(1, "abc", 10)


def test_nothing_but_headers_and_records_can_be_read():
    assert all(kind is Header or issubclass(kind, Record) for kind in KINDS.values())
