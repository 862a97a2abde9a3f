"""What makes two trainings the same: configuration, data and code."""

import hashlib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from pipeline.config.places import ROOT


@lru_cache
def code_digest(*stages: str) -> str:
    """Hash the code that dvc.yaml names for stages, and the versions of what trains."""
    import yaml

    described = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    places = {ROOT / name for stage in stages for name in described[stage]["deps"]}
    code = hashlib.sha256(f"{version('tensorflow')} {version('keras')}".encode())
    for file in sorted({file for place in places for file in _code_in(place)}):
        code.update(file.read_bytes())
    return code.hexdigest()


def _code_in(place: Path) -> list[Path]:
    """Return the files of code in a place that dvc.yaml names, itself one or a folder of them."""
    return [place] if place.suffix == ".py" else list(place.rglob("*.py"))
