"""What is kept of the best for `promote`."""

import pytest
from support.trials import finished, on_other_data, repeated, result

from pipeline.digits.seeds import prediction_interval
from pipeline.experiments.comparing.best import load_best, show
from pipeline.experiments.comparing.table import table
from pipeline.system.errors import InputError


def test_the_table_and_the_best_are_printed_and_the_best_is_saved(tree, capsys):
    results = [result(tree, finished(0.5)), result(tree, finished(0.9), learning_rate=0.1)]
    show(results)
    printed = capsys.readouterr().out.strip()
    assert printed.startswith(table(results))
    name = "mlp 16 · 12 epochs · learning_rate 0.1"
    assert f"best by validation: {name} (" in printed.splitlines()[-1]
    assert load_best()["config"] == results[1].trial.config


def test_the_best_mean_wins_over_the_best_seed(tree, capsys):
    steady = repeated(tree, [0.95, 0.951, 0.952], tests=[0.94, 0.941, 0.945])
    lucky = repeated(tree, [0.97, 0.90, 0.91], epochs=3)
    show([*lucky, *steady])
    best = load_best()
    assert best["config"] == steady[0].trial.config
    assert best["seeds"] == 3
    assert best["expected_test_accuracy"] == pytest.approx(
        prediction_interval([0.94, 0.941, 0.945])
    )
    assert [tie["config"] for tie in best["ties"]] == [lucky[0].trial.config]
    assert "with 1 tie (" in capsys.readouterr().out


def test_what_may_be_as_good_for_all_one_knows_is_no_tie(tree):
    show([result(tree, finished(0.5)), result(tree, finished(0.9), epochs=3)])
    assert load_best()["ties"] == []


def test_a_damaged_file_of_the_best_is_told_in_one_line(tmp_path):
    (tmp_path / ".sweeps").mkdir()
    for damaged in ("junk{", "{}", "3"):
        (tmp_path / ".sweeps" / "best.json").write_text(damaged)
        with pytest.raises(InputError, match=r"best\.json: damaged; run the sweep again"):
            load_best()


def test_each_data_set_has_its_own_best_and_ties(tree, capsys):
    here = [*repeated(tree, [0.95, 0.951, 0.952]), *repeated(tree, [0.95, 0.95, 0.952], epochs=3)]
    harder = on_other_data(repeated(tree, [0.7, 0.71, 0.72], epochs=3))
    show([*here, *harder])
    *_, first, second = capsys.readouterr().out.splitlines()
    assert "with 1 tie, MLflow run run (`digits promote run=ID`" in first
    assert "3 epochs" in second
    assert "tie" not in second
    (other,) = load_best()["elsewhere"]
    assert (other["config"], other["ties"]) == (harder[0].trial.config, [])
