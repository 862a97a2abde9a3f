"""What a search may set, and how Optuna suggests values for it."""

import copy

import optuna
import pytest
from support.trials import search_settings

from pipeline.config.checking import validate_options
from pipeline.experiments.searching.space import Search, suggest_config
from pipeline.system.errors import InputError


def search(**changes):
    return validate_options(Search, search_settings(**changes), "search.")


def test_values_are_suggested_within_the_space(tree):
    before = copy.deepcopy(tree)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    depths = set()
    for _ in range(20):
        suggested = suggest_config(search().space, study.ask(), tree)
        depths.add(len(suggested["model"]["hidden_units"]))
        assert all(4 <= units <= 8 for units in suggested["model"]["hidden_units"])
        assert 0.001 <= suggested["train"]["learning_rate"] <= 0.1
        assert suggested["train"]["schedule"]["_target_"].endswith("constant")
    assert depths == {1, 2, 3}
    assert tree == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 0}, "search.trials=0: input should be greater"),
        ({"objectives": ["speed"]}, "search.objectives.0='speed': input should be"),
        ({"space": {"a": {"low": 2, "high": 1}}}, "the lower bound must come first"),
        ({"space": {"a": {"low": 0, "high": 1, "log": True}}}, "must start above 0"),
        ({"space": {"data.path": {"choices": ["a"]}}}, "on other data cannot be compared"),
        ({"speed": 1}, "search.speed: unknown key"),
    ],
)
def test_a_wrong_search_is_refused_in_one_line(changes, message):
    with pytest.raises(InputError) as caught:
        search(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_key_of_the_space_is_told(tree):
    space = search(space={"model.hiden_units": {"choices": [1]}}).space
    with pytest.raises(InputError, match=r"did you mean model\.hidden_units"):
        suggest_config(space, optuna.create_study().ask(), tree)
