"""The table of groups."""

from support.trials import failed, finished, repeated, result

from pipeline.experiments.comparing.table import table


def test_a_group_has_one_line_with_means_and_half_intervals(tree):
    lines = table(
        [*repeated(tree, [0.981, 0.978, 0.984]), *repeated(tree, [0.9, 0.91, 0.92], epochs=3)]
    ).splitlines()
    assert lines[0].split()[:4] == ["network", "epochs", "seeds", "val_accuracy"]
    assert lines[1].startswith("mlp 16")
    assert "98.10 ± 0.75 %" in lines[1]
    assert lines[1].endswith("best")
    assert "91.00 ± 2.48 %" in lines[2]
    assert "worse (p = 0.0" in lines[2]
    assert "95 % interval" in lines[3]
    assert "Holm-corrected for 1 comparison" in lines[4]
    assert len(lines) == 5


def test_one_seed_each_is_a_plain_number_and_says_what_would_tell_more(tree):
    lines = table([result(tree, finished(0.5)), result(tree, finished(0.9), epochs=3)]).splitlines()
    assert "90.00 % " in lines[1]
    assert "±" not in "".join(lines)
    assert lines[2].endswith("nothing can be told (1 shared seed)")
    assert "seed=1,2,3,4,5" in lines[-1]


def test_what_failed_says_why(tree):
    lines = table([result(tree, finished(0.5)), result(tree, failed("too high"), epochs=3)])
    assert "1 failed: too high" in lines.splitlines()[2]


def test_further_measures_are_columns_where_they_were_taken(tree):
    measured = finished(0.9)
    assert "val_corrupted_accuracy" not in table([result(tree, measured)])
    measured.metrics["val_corrupted_accuracy"] = 0.71234
    assert "71.23 %" in table([result(tree, measured)])
