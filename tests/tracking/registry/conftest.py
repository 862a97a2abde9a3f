"""Two registered networks, the second of them the champion, in an experiment of their own."""

from dataclasses import dataclass

import pytest
from support.recording import SETTINGS
from support.registry import prepare_test_set, record_network

from pipeline.tracking.registry.registry import Registry

UNSURE_BELOW = 0.7


@dataclass(frozen=True)
class Registered:
    """What was registered: the runs' ids and the versions' numbers, by the networks' names."""

    runs: dict[str, str]
    versions: dict[str, int]


@pytest.fixture(scope="session")
def settings():
    return SETTINGS.model_copy(update={"experiment": "registry"})


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """Return the folder of the networks and of the test set."""
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="session")
def registered(store, settings, networks):
    wrong = {"good": 20, "better": 2}
    prepare_test_set(networks, wrong.values())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(store))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        runs = {
            name: record_network(settings, networks, name, row, wrong[name])
            for row, name in enumerate(wrong)
        }
        registry, versions = Registry.open(settings), {}
        for name, run_id in runs.items():
            candidate = registry.candidates.find(run_id)
            network = networks / name / "model.onnx"
            versions[name] = registry.versions.find_or_create(candidate, network, UNSURE_BELOW)
            registry.champions.set_champion(versions[name])
    return Registered(runs, versions)


@pytest.fixture
def registry(settings, registered):
    return Registry.open(settings)
