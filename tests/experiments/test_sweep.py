"""A sweep's plan, its state on disk and what becomes of its run, with no training and no MLflow."""

import copy
import json
from contextlib import contextmanager, nullcontext
from functools import partial
from types import SimpleNamespace

import pytest
from support.trials import changed, finished

from pipeline import sweep as command
from pipeline.config.checking import validate
from pipeline.experiments import state as states
from pipeline.experiments import sweep as module
from pipeline.experiments.race import RaceSettings
from pipeline.experiments.state import State
from pipeline.experiments.sweep import Sweep, idle_keys, plan
from pipeline.experiments.trial import Outcome, save_outcome
from pipeline.system.errors import InputError
from pipeline.system.files import reserve_folder


def planned(*trees, executor=None, workers=1):
    return plan(list(trees), lambda: nullcontext(executor), workers)


class Runs:
    """Takes the place of the runs of trials in MLflow."""

    def __init__(self, *_):
        self.lost = set()

    def begin(self, trials):
        return iter(trials)

    def epoch(self, trial, epoch):
        return True

    def end(self, trial, outcome):
        return f"run of {trial.key}"

    copy = end


@pytest.fixture
def recorder(monkeypatch):
    """Record and draw nothing; return what stands in for the recorder, and tells how it ended."""
    recorder = SimpleNamespace(
        record=lambda *_: None,
        key="r",
        is_recording=lambda: True,
        status=None,
        runs=Runs(),
    )

    @contextmanager
    def new_run(*_):
        recorder.status = "FAILED"
        yield recorder
        recorder.status = "FINISHED"

    monkeypatch.setattr(module, "new_run", new_run)
    monkeypatch.setattr(module, "TrialRuns", lambda *_: recorder.runs)
    for name in ("record", "write"):
        monkeypatch.setattr(module, name, lambda *_: None)
    return recorder


def test_equal_configurations_are_one_trial(tree):
    assert len(planned(tree, copy.deepcopy(tree)).trials) == 1


def test_an_invalid_configuration_is_told_with_its_place(tree):
    with pytest.raises(InputError, match=r"trial 2 of 2: train\.epochs=0"):
        planned(tree, changed(tree, "train", epochs=0))


def test_the_cores_are_shared_out_among_the_workers(tree, monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 8)
    threads = {
        workers: planned(tree, workers=workers).trials[0].config["train"]["threads"]
        for workers in (1, 3, 16, None)
    }
    assert threads == {1: 8, 3: 2, 16: 1, None: 1}


def test_what_makes_no_difference_to_a_trial_is_told(tree, monkeypatch, caplog):
    changes = [{"lines": {**tree["lines"], "rounds": 8}}, {"seed": 7}]
    trees = [tree, *({**tree, **change} for change in changes)]
    assert idle_keys(trees, planned(*trees).trials) == ["lines.rounds"]
    monkeypatch.setattr(Sweep, "run", lambda _: [])
    monkeypatch.setattr(command, "show", lambda _: None)
    command.run(trees, nullcontext, workers=1)
    (told,) = caplog.messages
    assert told.startswith("lines.rounds: ")


def test_a_sweep_is_known_again_by_its_trials_as_long_as_its_runs_are_there(tree, tmp_path):
    runs = tmp_path / "mlflow.db"
    runs.touch()
    other = changed(tree, "train", epochs=3)

    def load(*trees):
        sweep = planned(*trees)
        return State.load(sweep.folder, sweep.tracking)

    state = load(tree, other)
    state.run_id = "r"
    state.save()
    assert load(other, tree).run_id == "r"
    assert load(tree).run_id is None
    unrecorded = [changed(each, "tracking", enabled=False) for each in (tree, other)]
    assert load(*unrecorded).run_id is None
    runs.unlink()
    assert load(tree, other).run_id is None


def test_a_state_of_yesterday_is_read_and_a_damaged_one_begins_anew(tree, tmp_path):
    tracking = validate(changed(tree, "tracking", enabled=False)).tracking
    old = {"folder": "0123", "run_id": "r", "runs": {"a": "b"}, "complete": True}
    for text, state in [
        (json.dumps(old), State(tmp_path, "r", {"a": "b"}, complete=True)),
        ("{}", State(tmp_path)),
        ("junk", State(tmp_path)),
    ]:
        (tmp_path / states.STATE).write_text(text)
        assert State.load(tmp_path, tracking) == state


def test_the_same_sweep_does_not_run_twice_at_once(tree):
    sweep = plan([changed(tree, "tracking", enabled=False)], pytest.fail, workers=None)
    with reserve_folder(sweep.folder), pytest.raises(InputError, match="already running"):
        sweep.run()


def test_only_what_was_not_run_before_runs_the_longest_first_side_by_side(tree, recorder, caplog):
    caplog.set_level("INFO", "pipeline")
    trees = [changed(tree, "train", epochs=epochs) for epochs in (1, 2, 3)]
    ran = []

    def run_trials(trials, on_epoch):
        for trial in trials:
            ran.append(trial.config["train"]["epochs"])
            yield trial, finished(0.5)

    save_outcome(planned(trees[1]).trials[0].key, finished(0.9))
    results = planned(*trees, executor=run_trials).run()
    assert ran == [1, 3]
    assert [one.outcome.metrics["val_accuracy"] for one in results] == [0.5, 0.9, 0.5]
    first, *lines = caplog.messages
    assert first == "3 trials, 1 of them run before"
    assert [line.partition(":")[0] for line in lines] == ["trial 1/2", "trial 2/2"]
    assert "mlp 16 · 3 epochs: validation accuracy 50.00 %" in lines[1]
    ran.clear()
    planned(
        *(changed(each, "model", dropout=0.1) for each in trees), executor=run_trials, workers=2
    ).run()
    assert ran == [3, 2, 1]


@pytest.mark.parametrize(
    ("recording", "lost"), [(True, False), (True, True), (False, False), (False, True)],
    ids=["recorded", "a trial lost", "the sweep lost", "all lost"],
)  # fmt: skip
def test_what_mlflow_did_not_take_is_recorded_by_the_next(
    tree, recording, lost, recorder, monkeypatch
):
    sweep = planned(tree)
    (trial,) = sweep.trials
    recorder.is_recording = lambda: recording
    recorder.runs.lost = {trial.key} if lost else set()
    save_outcome(trial.key, finished(0.9))
    sweep.run()
    monkeypatch.setattr(states, "is_local_store_missing", lambda _: False)
    state = State.load(sweep.folder, sweep.tracking)
    assert state.complete == (recording and not lost)
    assert len(state.runs) == (0 if lost else 1)


def test_a_complete_sweep_starts_nothing(tree, recorder, monkeypatch, caplog):
    monkeypatch.setattr(states, "is_local_store_missing", lambda _: False)
    caplog.set_level("INFO", "pipeline")
    save_outcome(planned(tree).trials[0].key, finished(0.9))
    first = planned(tree).run()
    recorder.status = None
    assert planned(tree).run() == first
    assert recorder.status is None
    assert caplog.messages[-1] == "all 1 trials have been run before"


def test_the_run_of_a_sweep_whose_trials_all_failed_has_failed(tree, recorder, capsys):
    def fail(trials, _):
        return [(trial, Outcome("failed", error="out of luck")) for trial in trials]

    with pytest.raises(InputError, match="no trial finished"):
        planned(tree, executor=fail).run()
    assert recorder.status == "FAILED"
    assert "failed: out of luck" in capsys.readouterr().out


def test_seeds_added_to_a_finished_sweep_are_all_that_runs(tree, recorder):
    ran = []

    def run_trials(trials, on_epoch):
        for trial in trials:
            ran.append((trial.config["train"]["epochs"], trial.config["seed"]))
            yield trial, finished(0.5)

    def run(*seeds):
        ran.clear()
        grid = [
            {**changed(tree, "train", epochs=epochs), "seed": seed}
            for epochs in (1, 2)
            for seed in seeds
        ]
        return planned(*grid, executor=run_trials).run()

    run(1, 2)
    assert len(run(1, 2, 3)) == 6
    assert ran == [(1, 3), (2, 3)]


@pytest.fixture
def race(tree, recorder, monkeypatch):
    """Return a function that runs a race of two configurations, and the trials that it ran."""
    monkeypatch.setattr(states, "is_local_store_missing", lambda _: False)
    ran = []

    def run(killed_after=None):
        def run_trials(trials, on_epoch):
            for trial in trials:
                if len(ran) == killed_after:
                    raise KeyboardInterrupt
                epochs, seed = trial.config["train"]["epochs"], trial.config["seed"]
                ran.append((epochs, seed))
                yield trial, finished(0.9 + epochs / 1_000 + (seed * epochs) % 7 / 1_000)

        trees = [changed(tree, "train", epochs=epochs) for epochs in (1, 2)]
        return plan(
            trees, partial(nullcontext, run_trials), 1, RaceSettings(seeds=4, first=2)
        ).run()

    return run, ran


def test_a_race_repeats_with_the_next_seeds_and_is_not_run_again(race, caplog):
    caplog.set_level("INFO", "pipeline")
    run, ran = race
    results = run()
    assert len(results) == len(ran) == len({*ran})
    assert {seed for _, seed in ran} <= {42, 43, 44, 45}
    assert any("the race is over" in message for message in caplog.messages)
    ran.clear()
    assert run() == results
    assert ran == []


@pytest.mark.parametrize("killed_after", [1, 3, 5])
def test_a_race_that_is_killed_goes_on_where_it_was(race, killed_after):
    run, ran = race
    with pytest.raises(KeyboardInterrupt):
        run(killed_after)
    results = run()
    assert len(ran) == len({*ran}) == len(results), "no trial ran twice"


def test_a_race_chooses_the_seeds_itself(tree):
    trees = [{**tree, "seed": seed} for seed in (1, 2)]
    with pytest.raises(InputError, match="seed: leave it out of the grid"):
        plan(trees, nullcontext, 1, RaceSettings(seeds=4))


def test_a_sweep_has_one_race_with_settings_that_are_checked(tree, monkeypatch):
    with pytest.raises(InputError, match="race: its settings are those of the whole sweep"):
        command.run([{**tree, "race": {"seeds": n}} for n in (4, 8)], nullcontext, 1)
    with pytest.raises(InputError, match=r"race\.seeds=1: "):
        command.run([{**tree, "race": {"seeds": 1}}], nullcontext, 1)
    monkeypatch.setattr(command, "show", lambda _: None)
    races = []
    monkeypatch.setattr(Sweep, "run", lambda sweep: races.append(sweep.race))
    for seeds in (None, 4):
        command.run([{**tree, "race": {"seeds": seeds}}], nullcontext, 1)
    assert races == [None, RaceSettings(seeds=4)]


def test_a_race_is_on_one_data_set(tree):
    trees = [tree, {**tree, "data": {"_target_": "pipeline.digits.datasets.mnist.mnist"}}]
    with pytest.raises(InputError, match="data: a race compares accuracies on one data set"):
        plan(trees, nullcontext, 1, RaceSettings(seeds=3))
