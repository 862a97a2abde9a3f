"""Every choice in conf/ composes to a configuration that is valid."""

import pytest

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.places import CONF_DIR

GROUPS = ("data", "model", "train", "predict", "tracking")


@pytest.mark.parametrize(
    "choice",
    [
        f"{file.parent.relative_to(CONF_DIR).as_posix()}={file.stem}"
        for file in sorted(CONF_DIR.rglob("*.yaml"))
        if file.relative_to(CONF_DIR).parts[0] in (*GROUPS, "experiment")
    ],
)
def test_every_choice_composes_and_is_valid(choice):
    validate(compose([choice]))


@pytest.mark.parametrize("preset", [file.stem for file in CONF_DIR.glob("experiment/*.yaml")])
def test_the_choices_of_a_preset_can_be_changed(preset):
    for file in CONF_DIR.glob("train/*/*.yaml"):
        choice = f"train/{file.parent.name}={file.stem}"
        validate(compose([f"experiment={preset}", choice]))


def test_overrides_reach_the_composed_tree():
    tree = compose(["model.hidden_units=[7,5]", "train.epochs=2", "tracking=none"])
    assert tree["model"]["hidden_units"] == [7, 5]
    assert tree["train"]["epochs"] == 2
    assert tree["tracking"]["enabled"] is False
