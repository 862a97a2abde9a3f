"""Every setting of a plan tells trainings apart, and none can be changed."""

from dataclasses import FrozenInstanceError, fields, replace

import pytest
from support.training import PLAN, TRAIN, VALIDATION, mlp

from pipeline.digits.training.plan import TrainingPlan
from pipeline.digits.training.state import TrainingState, state_key

OTHERS = {
    "epochs": 5,
    "batch_size": 17,
    "seed": 4,
    "distortion": replace(PLAN.distortion, erase=1.0),
    "drawn_share": 0.1,
    "other_share": 0.1,
    "sharpness_radius": 0.1,
    "jit_compile": "auto",
    "patience": 3,
}


@pytest.fixture(scope="module")
def key():
    import keras

    model = mlp()

    def of(plan):
        return state_key(TrainingState(model, keras.optimizers.SGD(), plan), TRAIN, VALIDATION)

    return of


@pytest.mark.parametrize("setting", [field.name for field in fields(TrainingPlan)])
def test_every_setting_is_part_of_the_checkpoints_key(setting, key):
    assert key(replace(PLAN, **{setting: OTHERS[setting]})) != key(PLAN)


def test_the_same_plan_has_the_same_key(key):
    assert key(replace(PLAN)) == key(PLAN)


def test_a_plan_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        PLAN.epochs = 5
