"""The model registry, which opens the store once for all its parts."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Self

from pipeline.config.schema import Tracking
from pipeline.tracking.addresses import uri_to_read
from pipeline.tracking.registry.alone import alone
from pipeline.tracking.registry.candidates import Candidates
from pipeline.tracking.registry.champions import Champions
from pipeline.tracking.registry.versions import Versions
from pipeline.tracking.store import open_store


@dataclass(frozen=True)
class Registry:
    """The registered model in the store that runs are recorded in.

    Attributes:
        candidates: The trainings that can become versions.
        versions: The versions of the registered model.
        champions: Which versions are, or were, the best.
        alone: Keeps everybody else from registering during a block.
    """

    candidates: Candidates
    versions: Versions
    champions: Champions
    alone: Callable[[], AbstractContextManager[None]]

    @classmethod
    def open(cls, settings: Tracking) -> Self:
        """Open the store.

        Raises:
            InputError: It cannot be opened.
        """
        client = open_store(uri_to_read(settings), settings)
        parts = Candidates(client, settings.experiment), Versions(client), Champions(client)
        return cls(*parts, partial(alone, client))
