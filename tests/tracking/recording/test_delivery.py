"""The delivery of a journal, through whatever MLflow may suffer meanwhile."""

import uuid
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from requests import ConnectionError as NoConnection
from support.killing import killed_after
from support.recording import LOST, SETTINGS, TRAIN, contents, of_each_kind

from pipeline.tracking.addresses import local_store
from pipeline.tracking.recording import journal as journal_module
from pipeline.tracking.recording.delivery import Delivery
from pipeline.tracking.recording.journal import (
    Header,
    Journal,
    UnusableError,
    encode,
    journals,
    tidy,
)
from pipeline.tracking.recording.openings import Opening, RunRequest
from pipeline.tracking.recording.records import (
    File,
    Finish,
    Metrics,
)
from pipeline.tracking.store import open_store


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Keep journals apart from those that a recorder process of another test looks at."""
    monkeypatch.setattr(journal_module, "FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def write(home, keras_file):
    """Return a function that writes a journal of records and returns its path."""
    (home / "chart.txt").write_text("a chart")

    def write(*records, opening=None):
        opening = opening or Opening(uuid.uuid4().hex, TRAIN)
        journal = Journal(Header(local_store(), SETTINGS, opening, "code"))
        for record in records:
            journal.append(record)
        journal.end()
        journal.close()
        return journals(journal.folder)[-1]

    return write


@pytest.fixture
def records(home, keras_file):
    return of_each_kind(home / "chart.txt", keras_file)


def healthy(header, uri):
    return open_store(uri, header.settings)


class Flaky:
    """A client whose n-th call fails: it is done and its answer lost, or half done."""

    def __init__(self, client, calls, failing, how):
        self._client, self._calls, self._failing, self._how = client, calls, failing, how

    def __getattr__(self, name):
        real = getattr(self._client, name)
        if not callable(real):
            return real

        def call(*arguments, **named):
            self._calls.append(name)
            if len(self._calls) == self._failing:
                if self._how == "answer":
                    real(*arguments, **named)
                elif self._how == "half":
                    self._do_half(name, real, arguments, named)
                raise NoConnection("reset by peer")
            return real(*arguments, **named)

        return call

    def _do_half(self, name, real, arguments, named):
        if name == "log_batch" and len(metrics := named.get("metrics", [])) > 1:
            real(*arguments, metrics=metrics[:1])
        elif name == "log_artifact":
            run_id, file, folder = arguments
            cut = Path(file).read_bytes()[:3]
            kept = Path(file).with_name("cut") / Path(file).name
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(cut)
            real(run_id, str(kept), folder)


def runs_of(client, key, deleted=False):
    from mlflow.entities import ViewType

    if isinstance(key, Path):
        key = Delivery(key).header.opening.run_id
    experiment = client.get_experiment_by_name("digits").experiment_id
    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    found = client.search_runs([experiment], f"tags.run_key = '{key}'", run_view_type=view)
    return [run.info.run_id for run in found]


def deliver_until(path, failing, how):
    """Deliver a journal until a call fails; return the names of the calls."""
    calls = []
    with suppress(NoConnection):
        Delivery(path).advance(lambda *store: Flaky(healthy(*store), calls, failing, how), {})
    return calls


@pytest.mark.parametrize("how", ["answer", "half"])
def test_whichever_request_fails_the_run_is_as_if_none_had(how, client, write, records):
    path = write(*records)
    key = Delivery(path).header.opening.run_id
    calls = deliver_until(path, None, how)
    (run_id,) = runs_of(client, key)
    whole = contents(client, run_id)
    assert whole["status"][0] == "FINISHED"
    assert len(whole["artifacts"]) == 5
    assert [name for name, *_ in whole["models"]] == ["model"]
    assert len(calls) > 30
    for number, name in enumerate(calls, 1):
        if how == "half" and name not in ("log_batch", "log_artifact"):
            continue
        path = write(*records)
        key = Delivery(path).header.opening.run_id
        assert deliver_until(path, number, how)[-1] == name
        assert path.exists()
        assert Delivery(path).advance(healthy, {})
        (run_id,) = runs_of(client, key, deleted=True)
        assert contents(client, run_id) == whole, f"{number}: {name}"
        assert not path.exists()


def test_killed_at_any_step_of_delivering_the_run_is_there_once_and_nothing_stays(
    client, write, home, monkeypatch
):
    records = [
        Metrics({"loss": 1.0}, step=1, at=1.0),
        *File.each([home / "chart.txt"], "train"),
        Finish("FINISHED", at=5.0),
    ]
    seen = []
    for steps in count():
        path = write(*records)
        folder, key = path.parent, Delivery(path).header.opening.run_id
        with killed_after(steps, folder, monkeypatch) as kill:
            Delivery(path).advance(healthy, {})
        tidy(folder)
        for left in journals(folder):
            assert Delivery(left).advance(healthy, {})
        (run_id,) = runs_of(client, key, deleted=True)
        seen.append(contents(client, run_id))
        assert not any(folder.iterdir()), steps
        if not kill.struck:
            break
    assert all(each == seen[-1] for each in seen)
    assert seen[-1]["status"][0] == "FINISHED"
    assert len(seen) > 12


def test_a_run_that_was_created_without_our_knowing_is_found_and_a_late_copy_deleted(client, write):
    path = write(Metrics({"loss": 1.0}), Finish("FINISHED"))
    key = Delivery(path).header.opening.run_id
    assert deliver_until(path, 2, "answer")[-1] == "create_run"
    (created,) = runs_of(client, key)
    experiment = client.get_run(created).info.experiment_id
    assert deliver_until(path, 5, "answer")[-1] == "log_batch"  # it was found
    assert runs_of(client, key) == [created]
    late = client.create_run(experiment, tags={"run_key": key}).info.run_id
    assert Delivery(path).advance(healthy, {})
    assert runs_of(client, key) == [created]
    assert client.get_run(late).info.lifecycle_stage == "deleted"


def test_a_run_that_is_written_is_delivered_up_to_now(client, home):
    journal = Journal(Header(local_store(), SETTINGS, Opening(uuid.uuid4().hex, TRAIN), "code"))
    journal.append(Metrics({"loss": 1.0}, step=1))
    (path,) = journals(journal.folder)
    delivery = Delivery(path)
    assert not delivery.advance(healthy, {})
    (run_id,) = runs_of(client, path)
    assert client.get_run(run_id).info.status == "RUNNING"
    journal.append(Metrics({"loss": 0.5}, step=2))
    journal.append(Finish("FAILED"))
    assert not delivery.advance(healthy, {})
    journal.end()
    assert delivery.advance(healthy, {})
    journal.close()
    assert len(client.get_metric_history(run_id, "loss")) == 2
    assert client.get_run(run_id).info.status == "FAILED"


@pytest.mark.parametrize("torn", [False, True])
def test_a_killed_run_ends_as_killed(client, write, torn, caplog):
    path = write(Metrics({"loss": 1.0}))
    if torn:
        with path.open("ab") as file:
            file.write(encode(Metrics({"loss": 2.0}))[:20])
    key = Delivery(path).header.opening.run_id
    assert Delivery(path).advance(healthy, {})
    (run_id,) = runs_of(client, key)
    assert client.get_run(run_id).info.status == "KILLED"
    assert client.get_run(run_id).data.metrics == {"loss": 1.0}
    assert caplog.text.count("a damaged line") == torn


def test_what_is_added_to_a_run_and_not_ended_leaves_its_status_alone(client, write):
    path = write(Metrics({"loss": 1.0}), Finish("FINISHED"))
    key = Delivery(path).header.opening.run_id
    Delivery(path).advance(healthy, {})
    (run_id,) = runs_of(client, key)
    for known_as in (key, run_id):
        added = write(Metrics({known_as: 1.0}), opening=Opening(known_as, LOST, kind="reopened"))
        assert Delivery(added).advance(healthy, {})
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics.keys() == {"loss", key, run_id}


def test_a_damaged_line_costs_a_warning_and_the_rest_is_recorded(client, write, caplog):
    path = write(Metrics({"first": 1.0}), Metrics({"second": 2.0}), Finish("FINISHED"))
    path.write_bytes(path.read_bytes().replace(b'"first"', b'"furst"'))
    key = Delivery(path).header.opening.run_id
    assert Delivery(path).advance(healthy, {})
    (run_id,) = runs_of(client, key)
    assert client.get_run(run_id).data.metrics == {"second": 2.0}
    assert client.get_run(run_id).info.status == "FINISHED"
    assert caplog.text.count("a damaged line of the journal of mlp 8 · 1 epoch is left out") == 1


def test_without_its_first_line_a_journal_cannot_be_delivered(write):
    path = write(Metrics({"first": 1.0}))
    path.write_bytes(path.read_bytes().replace(b'"uri"', b'"ura"'))
    with pytest.raises(UnusableError, match="first line is damaged"):
        Delivery(path)


def test_an_altered_copy_of_a_file_costs_a_warning(client, write, home, caplog):
    path = write(*File.each([home / "chart.txt"], "train"), Finish("FINISHED"))
    (copy,) = path.with_suffix(".files").rglob("chart.txt")
    copy.write_text("another")
    key = Delivery(path).header.opening.run_id
    assert Delivery(path).advance(healthy, {})
    assert "chart.txt in the journal is damaged" in caplog.text
    (run_id,) = runs_of(client, key)
    assert client.list_artifacts(run_id) == []


def test_a_store_that_was_replaced_gets_the_whole_run(client, home):
    opening = Opening(uuid.uuid4().hex, RunRequest("digits", "moved", {}))
    journal = Journal(Header(local_store(), SETTINGS, opening, "code"))
    journal.append(Metrics({"loss": 1.0}, step=1))
    (path,) = journals(journal.folder)
    Delivery(path).advance(healthy, {})
    journal.append(Metrics({"loss": 0.5}, step=2))
    journal.append(Finish("FINISHED"))
    journal.end()
    journal.close()
    taken = path.with_suffix(".taken")
    (old,) = runs_of(client, path)
    taken.write_text(taken.read_text().replace(old, "0" * 32))
    client.delete_run(old)
    delivery = Delivery(path)
    with pytest.raises(Exception, match="is gone"):
        delivery.advance(healthy, {})
    assert delivery.advance(healthy, {})
    (new,) = runs_of(client, opening.run_id)
    assert [each.step for each in client.get_metric_history(new, "loss")] == [1, 2]


def test_a_trial_is_found_below_a_parent_known_by_our_id(client, write):
    parent = write(Finish("FINISHED"))
    key = Delivery(parent).header.opening.run_id
    request = RunRequest("digits", "trial", {}, parent_run_id=key)
    child = write(Finish("FINISHED"), opening=Opening(uuid.uuid4().hex, request))
    child_key = Delivery(child).header.opening.run_id
    for path in (parent, child):
        Delivery(path).advance(healthy, {})
    (parent_id,), (child_id,) = runs_of(client, key), runs_of(client, child_key)
    assert client.get_run(child_id).data.tags["mlflow.parentRunId"] == parent_id
