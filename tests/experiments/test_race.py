"""Races, whose trainings are made up."""

import itertools

import pytest

from pipeline.experiments.race import Race, RaceSettings
from pipeline.experiments.trial import Outcome, Trial
from pipeline.system.errors import InputError

MEANS = {"a": 0.97, "b": 0.968, "c": 0.95, "d": 0.90}
EVEN = [0.001, -0.001] * 8
"""How the seeds of a and c scatter; those of b and d do so the other way round."""
LATE = [0.001, -0.001, -0.008]


def trial(name, number=0):
    return Trial(f"{name}{number}", name, {"seed": number}, None, None)


def raced(means=MEANS, fails=(), seeds=8, noise=EVEN, **limits):
    """Run a race; return it and the trials of each round."""
    race = Race(
        RaceSettings(seeds=seeds, **limits),
        seeds,
        name_of=lambda trial: trial.name,
        repeat=lambda first, number: trial(first.name, number),
    )
    outcomes, rounds = {}, []
    for trials in race.rounds([trial(name) for name in means], outcomes):
        rounds.append([each.key for each in trials])
        for each in trials:
            luck = noise[each.config["seed"]] * (1 if each.name in "ac" else -1)
            metrics = {"val_accuracy": means[each.name] + luck}
            good = Outcome("finished", metrics=metrics)
            outcomes[each.key] = Outcome("failed", error="x") if each.key in fails else good
    return race, rounds


def names(keys):
    return "".join(sorted({key[0] for key in keys}))


def test_what_is_certainly_worse_gets_no_more_seeds_and_the_others_do(caplog):
    caplog.set_level("INFO")
    race, rounds = raced()
    assert names(rounds[0]) == "abcd"
    assert len(rounds[0]) == 4 * 2
    assert [names(keys) for keys in rounds[1:]] == ["ab", "ab", "ab"]
    assert names(race.why_dropped) == "bcd"
    assert race.why_dropped["d1"].startswith("dropped after 2 seeds (p")
    first = caplog.messages[0]
    assert first.startswith("2 seeds each, best so far ")
    assert "dropped 2: c (p " in first


def test_each_round_has_the_trials_of_the_one_before_and_one_more_of_each(caplog):
    _, rounds = raced()
    for before, after in itertools.pairwise(rounds):
        left = [key for key in before if key[0] in names(after)]
        assert {*left} < {*after}
        assert len(after) - len(left) == len(names(after))


@pytest.mark.parametrize(
    ("means", "limits", "reason"),
    [
        ({"a": 0.97, "d": 0.90}, {}, "one is left"),
        ({"a": 0.97, "b": 0.97}, {}, "the 2 left are ties; 8 seeds would not tell them apart"),
        (
            {"a": 0.97, "b": 0.965},
            {"seeds": 3, "noise": LATE},
            "all 3 seeds are used; the 2 left are ties",
        ),
        (MEANS, {"trials": 9}, "another round would take more than race.trials=9"),
        (MEANS, {"minutes": 1e-9}, "race.minutes=1e-09 have passed"),
    ],
)
def test_a_race_says_why_it_is_over(means, limits, reason, caplog):
    caplog.set_level("INFO")
    raced(means, **limits)
    assert caplog.messages[-1] == f"the race is over: {reason}"


def test_a_limit_that_leaves_no_room_for_the_first_round_is_refused():
    with pytest.raises(InputError, match=r"race\.trials=7: the first round alone takes 8"):
        raced(trials=7)


def test_what_fails_is_out(caplog):
    race, rounds = raced(fails={"b1"})
    assert names(rounds[-1]) == "a" or len(rounds) == 1
    assert race.why_dropped["b0"] == "dropped after 2 seeds (failed)"


def test_a_race_in_which_all_fail_ends():
    _, rounds = raced(fails={f"{name}0" for name in MEANS})
    assert len(rounds) == 1


def test_the_same_outcomes_give_the_same_race():
    assert raced()[1] == raced()[1]
