"""The configuration becomes a plan whole, and a network is called by what makes it another."""

from dataclasses import fields

import pytest

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.inference.classifier import TITLE, Classifier
from pipeline.digits.training import networks
from pipeline.digits.training.augmentation import Distortion
from pipeline.digits.training.plan import TrainingPlan
from pipeline.stages.network import describe, export, keep_reference, training_plan

SETTINGS = {
    "epochs": ("train.epochs=7", 7),
    "batch_size": ("train.batch_size=17", 17),
    "seed": ("seed=5", 5),
    "distortion": ("train.distortion=null", None),
    "drawn_share": ("train.drawn_share=0.25", 0.25),
    "other_share": ("train.other_share=0.125", 0.125),
    "sharpness_radius": ("train.sharpness_radius=0.5", 0.5),
    "jit_compile": ("train.jit_compile=false", False),
    "patience": ("train.early_stopping_patience=4", 4),
}


@pytest.fixture(scope="module")
def default_plan(default_tree):
    return training_plan(validate(default_tree))


@pytest.mark.parametrize("setting", [field.name for field in fields(TrainingPlan)])
def test_every_setting_of_the_plan_comes_from_the_configuration(setting, default_plan):
    override, value = SETTINGS[setting]
    plan = training_plan(validate(compose([override])))
    assert getattr(plan, setting) == value != getattr(default_plan, setting)
    others = [field.name for field in fields(plan) if field.name != setting]
    assert all(getattr(plan, name) == getattr(default_plan, name) for name in others)


def test_the_distortion_is_made_of_its_configuration():
    plan = training_plan(validate(compose(["train.distortion.rotation=3.5"])))
    assert isinstance(plan.distortion, Distortion)
    assert plan.distortion.rotation == 3.5


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["model.hidden_units=[64,32]", "train.epochs=1"], "mlp 64-32 · 1 epoch"),
        (["model=cnn", "model.filters=[8]", "train.epochs=3"], "cnn 8 · 3 epochs"),
    ],
)
def test_a_network_is_called_by_its_layers_and_epochs(overrides, name):
    assert describe(validate(compose(overrides))) == name


def test_a_network_keeps_what_its_validation_pictures_were_like(tmp_path, digits_like):
    model, path, about = networks.mlp((28, 28), 10, hidden_units=[8]), tmp_path / "x.onnx", "a net"
    assert export(model, path, digits_like, {TITLE: about}) < 1e-5
    keep_reference(path, digits_like, {TITLE: about})
    found = Classifier.load(path)
    assert (found.energies(digits_like.images) < found.energy).mean() == 0.05
    assert found.reference is not None
    assert found.title == about
