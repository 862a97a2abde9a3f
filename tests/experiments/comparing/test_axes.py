"""What a sweep varies, in words and as parameters."""

import copy

from support.trials import changed

from pipeline.experiments.comparing.axes import LONGEST_PARAM, axes, axes_in_words, axes_params


def grid(tree):
    return [
        {
            **changed(changed(tree, "train", epochs=epochs), "model", hidden_units=units),
            "seed": seed,
        }
        for units in ([16], [32])
        for epochs in (1, 5)
        for seed in (1, 2, 3)
    ]


def test_a_sweep_is_named_by_its_axes(tree):
    assert axes_in_words(axes(grid(tree))) == "hidden_units × epochs × 3 seeds"


def test_each_axis_is_a_parameter_with_its_values(tree):
    assert axes_params(axes(grid(tree))).tree == {
        "axes": "hidden_units × epochs × 3 seeds",
        "axis.model.hidden_units": "[16], [32]",
        "axis.train.epochs": "1, 5",
        "axis.seed": "1, 2, 3",
    }


def test_functions_are_told_by_their_names(tree):
    other = copy.deepcopy(tree)
    other["train"]["optimizer"]["_target_"] = "pipeline.digits.training.optimizers.adamw"
    other["train"]["init_from"] = "nowhere.keras"
    params = axes_params(axes([tree, other])).tree
    assert params["axis.train.init_from"] == "None, nowhere.keras"
    assert params["axis.train.optimizer"] == "adam, adamw"


def test_values_without_room_are_counted(tree):
    trees = [{**tree, "seed": seed} for seed in range(1_000)]
    listed = axes_params(axes(trees)).tree["axis.seed"]
    assert len(listed) <= LONGEST_PARAM
    assert listed.endswith(" more")
    shown = listed.partition(" and ")[0].split(", ")
    assert f"and {1_000 - len(shown)} more" in listed
