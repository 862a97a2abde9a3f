"""Notice that what a stage was started on is not what DVC would record it with.

DVC reads the parameters and hashes the dependencies when a stage has ended. What is edited, added
or checked out while the stage runs would be recorded as what it had run on; from then on the stage
would be skipped, and its outputs would come out of the cache for settings that never made them.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from pipeline.config.params import PARAMS_FILE
from pipeline.config.places import ROOT, ignored_by_dvc
from pipeline.config.trees import Tree, differing_keys, flatten
from pipeline.system.errors import InputError

STAGE_OF_DVC = "DVC_STAGE"  # set by DVC for its stages
CACHES = "__pycache__"

Mark = tuple[int, int]  # size in bytes, and when it was last changed in nanoseconds


@dataclass(frozen=True)
class Inputs:
    """What a stage reads, as dvc.yaml names it.

    Attributes:
        stage: The stage's name in dvc.yaml.
        params: The sections of params.yaml that it reads, by their dotted keys.
        files: All files that it depends on, without hidden ones such as an editor's.
    """

    stage: str
    params: Tree
    files: dict[Path, Mark]

    @classmethod
    def of(cls, stage: str) -> Self:
        """Look at what a stage of dvc.yaml reads now."""
        described = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
        params = yaml.safe_load(PARAMS_FILE.read_text(encoding="utf-8"))
        sections = {key: _at(params, key) for key in described.get("params", [])}
        places = [ROOT / _filled_in(place, params) for place in described["deps"]]
        return cls(stage, sections, dict(_marks(places)))

    def check(self) -> None:
        """Raise an InputError if one of them has changed since."""
        try:
            now = Inputs.of(self.stage)
        except (OSError, yaml.YAMLError, TypeError, LookupError) as error:
            raise self._changed("params.yaml or dvc.yaml") from error
        if keys := differing_keys(self.params, now.params):
            raise self._changed(f"params.yaml ({', '.join(keys[:6])})")
        if files := sorted(file for file, _ in self.files.items() ^ now.files.items()):
            raise self._changed(os.path.relpath(files[0], ROOT))

    def _changed(self, what: str) -> InputError:
        return InputError(
            f"{what} was changed while {self.stage} ran, so DVC must not record its outputs as "
            "those of what stands there now; `dvc repro` runs it again, or undo the change and "
            f"`dvc commit -f {self.stage}` keeps them"
        )


def inputs_of_stage() -> Inputs | None:
    """Return what this stage reads if DVC runs it; None if a person does."""
    address = os.environ.get(STAGE_OF_DVC)  # such as "train", or "../dvc.yaml:train"
    return Inputs.of(address.rpartition(":")[2]) if address else None


def _at(tree: Tree, key: str) -> Any:
    for part in key.split("."):
        tree = tree[part]
    return tree


def _filled_in(place: str, params: Tree) -> str:
    for key, value in flatten(params).items():
        place = place.replace(f"${{{key}}}", str(value))
    return place


def _marks(places: list[Path]) -> Iterator[tuple[Path, Mark]]:
    for file in _files(places) - ignored_by_dvc(ROOT):
        with suppress(FileNotFoundError):  # an editor's temporary file
            state = file.lstat()
            yield file, (state.st_size, state.st_mtime_ns)


def _files(places: list[Path]) -> set[Path]:
    return {
        Path(folder, name)
        for place in places
        for folder, _, names in os.walk(place)
        if not folder.endswith(CACHES)
        for name in names
        if not name.startswith(".")
    } | {place for place in places if place.is_file()}
