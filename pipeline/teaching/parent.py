"""The network that is taught: the champion or, without one, the network in models/."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.config.checking import validate
from pipeline.config.params import parse
from pipeline.config.places import MODELS, ONNX_FILE
from pipeline.config.schema import Config
from pipeline.system.errors import InputError
from pipeline.tracking.past_runs import recorded_config
from pipeline.tracking.registry.fetching import fetch_champion
from pipeline.tracking.run_ids import read_run_id
from pipeline.tracking.training_records import RECORDED_SECTIONS


@dataclass(frozen=True)
class Parent:
    """A network to teach.

    Attributes:
        name: Such as "models:/digits/3".
        run_id: The MLflow run of its training.
        network: Its ONNX file.
        version: Its number in the registry; None if it is not registered.
        config: The configuration it was trained with, to be tracked where this command is.
    """

    name: str
    run_id: str
    network: Path
    version: int | None
    config: Config


def find_parent(config: Config) -> Parent:
    """Return the network to teach.

    Args:
        config: The configuration of this command.

    Raises:
        InputError: There is none, or MLflow does not know how it was trained.
    """
    if champion := fetch_champion(config.tracking):
        version = int(champion.name.rpartition("/")[2])
        run_id = str(champion.run_id)
        own = _own_config(config, run_id)
        return Parent(champion.name, run_id, champion.file, version, own)
    if not ONNX_FILE.is_file():
        raise InputError("no network to teach; `dvc repro` trains one")
    local = read_run_id(MODELS)
    if local is None:
        raise InputError(
            f"{MODELS}: the MLflow run of this network is unknown; `dvc repro` trains one that is "
            "recorded"
        )
    return Parent("the network in models/", local, ONNX_FILE, None, _own_config(config, local))


def _own_config(config: Config, run_id: str) -> Config:
    """Return this command's configuration with the sections that a training's run recorded."""
    try:
        recorded = parse(recorded_config(config.tracking, run_id))
    except InputError as error:
        raise InputError(f"teaching the network of run {run_id}: {error}") from error
    sections = {section: recorded[section] for section in RECORDED_SECTIONS if section in recorded}
    return validate({**config.model_dump(), **sections})
