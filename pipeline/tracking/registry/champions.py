"""Read and change which version of the registered model is the champion."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.system.errors import InputError
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.registry.names import (
    CHAMPION,
    PREVIOUS,
    REGISTERED_MODEL,
    VERSIONS_CONDITION,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

HISTORY_TAG = "champions"
"""Tag of the registered model: all champions in order, the current one last."""


class Champions:
    """The champion and its predecessors, as version numbers."""

    def __init__(self, client: "MlflowClient") -> None:
        """Use the store of a client."""
        self._client = client

    @mlflow_errors_as_input_errors
    def current(self) -> int | None:
        """Return the champion; None if there is none."""
        models = self._client.search_registered_models(VERSIONS_CONDITION)
        number = models[0].aliases.get(CHAMPION) if models else None
        return int(number) if number else None

    @mlflow_errors_as_input_errors
    def set_champion(self, version: int) -> None:
        """Make a version the champion; the old champion becomes the previous one."""
        self._set_history([*self._history(), version])

    @mlflow_errors_as_input_errors
    def roll_back(self) -> tuple[int, int]:
        """Make the previous champion the champion again; return the old and the new champion.

        Raises:
            InputError: There is no previous champion.
        """
        history = self._history()
        if len(history) < 2:
            raise InputError(
                "rollback=true: there is no earlier champion to go back to; "
                "`digits register run=best` may find a new one"
            )
        self._set_history(history[:-1])
        return history[-1], history[-2]

    def _history(self) -> list[int]:
        """Return all champions whose versions still exist, the current one last.

        The alias decides which one is current, since people may move it in MLflow's UI.
        """
        champion = self.current()
        if champion is None:
            return []
        tags = self._client.get_registered_model(REGISTERED_MODEL).tags
        known = self._client.search_model_versions(VERSIONS_CONDITION)
        numbers = {int(version.version) for version in known}
        past = [int(number) for number in tags.get(HISTORY_TAG, "").split()]
        history = [number for number in past if number in numbers]
        return history if history[-1:] == [champion] else [*history, champion]

    def _set_history(self, history: Sequence[int]) -> None:
        client, model = self._client, REGISTERED_MODEL
        client.set_registered_model_tag(model, HISTORY_TAG, " ".join(map(str, history)))
        client.set_registered_model_alias(model, CHAMPION, str(history[-1]))
        if len(history) > 1:
            client.set_registered_model_alias(model, PREVIOUS, str(history[-2]))
        elif PREVIOUS in client.get_registered_model(model).aliases:
            client.delete_registered_model_alias(model, PREVIOUS)  # which not everybody may do
