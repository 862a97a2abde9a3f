"""What was recorded before functions moved names them where they are."""

import importlib

import pytest

from pipeline.config.checking import validate
from pipeline.config.moved import FUNCTIONS, MODULES, current_target, migrate

# All that conf/ named before functions moved into pipeline/digits/training/ and datasets/.
NAMED_ONCE = [
    "pipeline.digits.augmentation.Distortion",
    "pipeline.digits.datasets.fashion_mnist",
    "pipeline.digits.datasets.mnist",
    "pipeline.digits.datasets.mnist_5000",
    "pipeline.digits.folders.folder",
    "pipeline.digits.networks.cnn",
    "pipeline.digits.networks.mlp",
    "pipeline.digits.optimizers.adam",
    "pipeline.digits.optimizers.adamw",
    "pipeline.digits.optimizers.constant",
    "pipeline.digits.optimizers.cosine",
    "pipeline.digits.optimizers.sgd",
]


@pytest.mark.parametrize("address", NAMED_ONCE)
def test_what_conf_named_once_is_found(address):
    module, _, name = current_target(address).rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_no_entry_leads_to_another():
    assert not {*map(current_target, FUNCTIONS.values())} & FUNCTIONS.keys()
    assert not {*MODULES.values()} & MODULES.keys()


@pytest.mark.parametrize(
    "address", ["keras.Sequential", "pipeline.digits.training.networks.mlp", "mlp", ""]
)
def test_what_has_not_moved_keeps_its_address(address):
    assert current_target(address) == address


def test_a_configuration_of_yesterday_is_valid_today(default_tree):
    old = {
        **default_tree,
        "model": {**default_tree["model"], "_target_": "pipeline.digits.networks.mlp"},
        "data": {"_target_": "pipeline.digits.datasets.mnist_5000"},
        "train": {
            **default_tree["train"],
            "optimizer": {
                **default_tree["train"]["optimizer"], "_target_": "pipeline.digits.optimizers.adam"
            },
        },
    }  # fmt: skip
    config = validate(migrate(old))
    assert config.model == default_tree["model"]
    assert config.train.optimizer == default_tree["train"]["optimizer"]
    assert config.data == {"_target_": "pipeline.digits.datasets.mnist.mnist_5000"}
    assert old["model"]["_target_"] == "pipeline.digits.networks.mlp"


def test_a_configuration_with_a_network_for_rows_has_none_for_lines_today(default_tree):
    old = {key: value for key, value in default_tree.items() if key != "lines"}
    old["rows"] = {"epochs": 8, "distortion": None}
    old["predict"] = {k: v for k, v in old["predict"].items() if k != "unsure_numbers_below"}
    config = validate(migrate(old))
    assert config.lines.rounds == 0
    assert config.model_dump() == validate(default_tree).model_dump(), "as conf/ has them"
