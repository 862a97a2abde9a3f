"""Find experiments and runs in MLflow's store."""

from typing import TYPE_CHECKING

from pipeline.config.places import home
from pipeline.tracking.addresses import ARTIFACTS_NAME, local_store
from pipeline.tracking.names import REPLACES_TAG, RUN_KEY_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

NO_SUCH_RUN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "PERMISSION_DENIED")
"""What MLflow says of a run that is missing; the last, where a server asks for passwords."""


def experiment_id(client: "MlflowClient", name: str) -> str:
    """Return an experiment's id; create the experiment if it is missing, restore it if deleted."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        # A server has its own folder for artifacts; the local store must be given one.
        local = client.tracking_uri == local_store()
        place = (home() / ARTIFACTS_NAME / name).as_uri() if local else None
        try:
            return client.create_experiment(name, artifact_location=place)
        except MlflowException:
            found = client.get_experiment_by_name(name)  # another process was faster
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def find_run(client: "MlflowClient", run_id: str) -> "Run | None":
    """Return a run by its id; None if the store has no such run.

    Raises:
        MlflowException: The store cannot be queried.
    """
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code in NO_SUCH_RUN:
            return None
        raise


def find_training(client: "MlflowClient", run_id: str) -> "Run | None":
    """Return a run by MLflow's id or ours, or the one that stands for it since it is gone."""
    if (run := find_run(client, run_id)) is not None:
        return run
    again = f"tags.{REPLACES_TAG} = '{run_id}' and tags.stage = 'train'"
    found = runs_with_key(client, run_id) or _anywhere(client, run_id, again)
    return found[0] if found else None


def active_run_id(client: "MlflowClient", run_id: str) -> str | None:
    """Return MLflow's id of a run that was not deleted, or of the one that stands for it.

    Args:
        client: Client of the store.
        run_id: MLflow's id or ours.
    """
    run = find_run(client, run_id)
    if run is not None and str(run.info.lifecycle_stage) == "active":
        return run_id
    found = runs_with_key(client, run_id)
    found = found or _anywhere(client, run_id, f"tags.{REPLACES_TAG} = '{run_id}'")
    return str(found[0].info.run_id) if found else None


def runs_with_key(client: "MlflowClient", key: str) -> "list[Run]":
    """Return the runs that have an id of ours; more than one if an answer of MLflow was lost."""
    return _anywhere(client, key, f"tags.{RUN_KEY_TAG} = '{key}'")


def _anywhere(client: "MlflowClient", run_id: str, condition: str) -> "list[Run]":
    if not run_id.isalnum():  # typed by hand, and no id
        return []
    everywhere = [each.experiment_id for each in client.search_experiments()]
    return list(client.search_runs(everywhere, condition, max_results=10))


def newest_run_id(client: "MlflowClient", experiment: str, condition: str) -> str | None:
    """Return the id of an experiment's newest run that meets a condition; None if none does."""
    found = client.search_runs([experiment_id(client, experiment)], condition, max_results=1)
    return str(found[0].info.run_id) if found else None
