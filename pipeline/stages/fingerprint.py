"""Identify a training by its configuration, data and code, to know whether it was done before."""

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from pipeline.config.places import ROOT, ignored_by_dvc
from pipeline.config.schema import Config
from pipeline.digits.training.transfer import weights_file


def fingerprint(config: Config, data_digest: str, *stages: str) -> str:
    """Return a key of a digit network's training, which changes when DVC would train again.

    If the initial weights come from a file, its content counts.

    Args:
        config: The configuration.
        data_digest: The digest of the prepared data.
        stages: The stages of dvc.yaml whose code counts.
    """
    settings = [config.seed, config.model, config.train.model_dump(), data_digest]
    if config.train.init_from and (file := weights_file(config.train.init_from)):
        settings.append(hashlib.sha256(file.read_bytes()).hexdigest())
    return _key(settings, stages)


def lines_fingerprint(config: Config, data_digest: str, stage: str) -> str:
    """Return a key of the line network's training, which changes when DVC would train again."""
    settings = [config.seed, config.lines.model_dump(), config.train.threads, data_digest]
    return _key(settings, [stage])


def _key(settings: list[object], stages: Iterable[str]) -> str:
    text = json.dumps([*settings, code_digest(*stages)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache
def code_digest(*stages: str) -> str:
    """Hash the code that DVC tracks for stages, and the versions of TensorFlow and Keras."""
    import yaml

    described = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    places = {ROOT / name for stage in stages for name in described[stage]["deps"]}
    code = hashlib.sha256(f"{version('tensorflow')} {version('keras')}".encode())
    for file in sorted(
        {file for place in places for file in _code_in(place)} - ignored_by_dvc(ROOT)
    ):
        code.update(file.read_bytes())
    return code.hexdigest()


def _code_in(place: Path) -> list[Path]:
    """Return the Python files of a path that dvc.yaml names: a file or a whole folder."""
    return [place] if place.suffix == ".py" else list(place.rglob("*.py"))
