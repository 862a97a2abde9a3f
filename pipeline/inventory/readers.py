"""The networks that read pictures, by the names that commands and requests give them."""

from pipeline.config.places import LINES_FILE, ONNX_FILE
from pipeline.config.schema import Tracking
from pipeline.inventory.network import test_metrics
from pipeline.system.errors import InputError
from pipeline.tracking.registry.fetching import Fetched, fetch_any, fetch_champion
from pipeline.tracking.run_ids import read_run_id

LOCAL = "local"
"""The name of the network in models/."""
LINES = "lines"
"""The name of the network for whole numbers."""
CHAMPION = "champion"
NAMES = (
    f"The network that reads: {LOCAL} (the one in models/), {CHAMPION}, a version such as "
    "models:/digits/3, or the id of an MLflow run."
)


def find_reader(settings: Tracking, name: str) -> Fetched:
    """Return a network by its name: champion, local, a version's number or address, a run's id.

    Raises:
        InputError: There is no such network, or the registry does not answer.
    """
    if name == LOCAL:
        return local_network()
    if name != CHAMPION:
        return fetch_any(settings, name)
    champion = fetch_champion(settings)
    if champion is None:
        raise InputError(
            f"network={CHAMPION}: no network is registered; `digits register run=best` "
            "registers one"
        )
    return champion


def local_network() -> Fetched:
    """Return the network in models/.

    Raises:
        InputError: There is none.
    """
    if not ONNX_FILE.is_file():
        raise InputError("no network yet; `dvc repro` trains one")
    run_id = read_run_id(ONNX_FILE.parent)
    return Fetched(LOCAL, ONNX_FILE, run_id, test_metrics(run_id).get("test_accuracy"))


def lines_network() -> Fetched:
    """Return the network that reads whole numbers.

    Raises:
        InputError: There is none.
    """
    if not LINES_FILE.is_file():
        raise InputError("no network for numbers yet; `digits lines.rounds=120` trains one")
    return Fetched(LINES, LINES_FILE, read_run_id(LINES_FILE.parent), None)
