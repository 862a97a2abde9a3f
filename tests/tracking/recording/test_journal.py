"""The journal: what is written is read back, and what is damaged is noticed."""

import os
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
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
