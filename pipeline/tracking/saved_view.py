"""Save views of the runs, with columns, sort order and charts, in the experiment.

One lists the runs, the other one groups those that differ in their seed alone. MLflow's UI saves a
named view as a tag of the experiment ("Save as new view") and opens it when the URL names it. The
format of the tag is private to MLflow; a test guards it.
"""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.config.schema import Tracking
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.lookups import experiment_id
from pipeline.tracking.names import CHOSEN_ACCURACY, CONFIGURATION_TAG, LAYERS_PARAM
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRAININGS = "metrics.val_accuracy > 0"  # no predictions, reports and sweeps
MOST_GROUPED = 1000  # runs; as many as MLflow's pages load at most
VIEW_KEY = "layers-epochs-accuracy"
VIEW_TAG = "mlflow.sharedViewState."  # followed by the view's key
GROUPED_KEY = "seeds-as-groups"
# The name of each view and what it groups by.
VIEWS: dict[str, tuple[str, dict[str, Any] | None]] = {
    VIEW_KEY: ("Layers and epochs against accuracy", None),
    GROUPED_KEY: (
        "The same, seeds as groups",
        {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": CONFIGURATION_TAG}],
        },
    ),
}
# The columns and their widths in pixels. In a window of 1440 pixels, with MLflow's side panel open,
# 640 are left beside the names and when they were created.
COLUMNS = {
    f"params.`{LAYERS_PARAM}`": 120,
    "params.`train.epochs`": 110,
    "params.`data`": 110,
    f"metrics.`{CHOSEN_ACCURACY}`": 165,
    "metrics.`test_accuracy`": 125,
    "metrics.`training_seconds`": 135,
    "metrics.`parameters`": 110,
    "params.`seed`": 80,
}
# Of the view of groups. MLflow shows the means of numbers alone, not rounded. A group's name says
# its layers and epochs.
NAME_COLUMN, CREATED_COLUMN = "attributes.`Run Name`", "runDateAndNestInfo"
GROUPED_COLUMNS = {
    NAME_COLUMN: 330,
    CREATED_COLUMN: 60,
    "params.`train.epochs`": 110,
    f"metrics.`{CHOSEN_ACCURACY}`": 165,
    "metrics.`test_accuracy`": 125,
    "metrics.`training_seconds`": 135,
    "metrics.`parameters`": 110,
    "params.`data`": 110,
    "params.`seed`": 80,
}
CURVES = ("val_accuracy", "val_loss", "train_accuracy", "train_loss")
SECTIONS = {"compare": "Layers and epochs against accuracy", "curves": "Learning curves"}


@mlflow_errors_as_input_errors
def save_view(settings: Tracking, uri: str) -> str:
    """Save the views in the experiment; return the path of the first, to append to a URL."""
    client = open_store(uri, settings)
    experiment = experiment_id(client, settings.experiment)
    _save(client, experiment)
    return (
        f"#/experiments/{experiment}/runs"
        f"?workflowType=machine_learning&viewStateShareKey={VIEW_KEY}"
    )


def _save(client: "MlflowClient", experiment: str) -> None:
    groups = _groups(client, experiment)
    for key, (name, group_by) in VIEWS.items():
        state = _state(group_by, groups if group_by else [])
        packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
        view = {"name": name, "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"}
        client.set_experiment_tag(experiment, VIEW_TAG + key, json.dumps(view))


def _groups(client: "MlflowClient", experiment: str) -> list[str]:
    """Return MLflow's names of the groups among the newest runs."""
    runs = client.search_runs([experiment], TRAININGS, max_results=MOST_GROUPED)
    found = dict.fromkeys(run.data.tags.get(CONFIGURATION_TAG) for run in runs)
    return [f"tag.{CONFIGURATION_TAG}.{name}" for name in found if name]


def _state(group_by: dict[str, Any] | None, collapsed: Sequence[str] = ()) -> dict[str, Any]:
    """Return the state of MLflow's UI that makes up a view.

    Args:
        group_by: What it groups by.
        collapsed: The groups that do not show their runs; MLflow opens all others.
    """
    columns = GROUPED_COLUMNS if group_by else COLUMNS
    return {
        "searchFilter": TRAININGS,
        "orderByKey": f"metrics.`{CHOSEN_ACCURACY}`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [key for key in columns if key.startswith(("params.", "metrics."))],
        "columnOrder": list(columns),
        "columnWidths": columns,
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "FIRST_20_RUNS",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": group_by,
        "groupsExpanded": dict.fromkeys(collapsed, False),
        "autoRefreshEnabled": True,
        "globalLineChartConfig": {
            "xAxisKey": "step",
            "lineSmoothness": 0,
            "selectedXAxisMetricKey": "",
        },
        "compareRunSections": [
            {"uuid": key, "name": name, "display": True, "isReordered": False, "deleted": False,
             "isGenerated": False}
            for key, name in SECTIONS.items()
        ],
        "compareRunCharts": [*_comparisons(), *map(_curve, CURVES)],
    }  # fmt: skip


def _comparisons() -> list[dict[str, Any]]:
    accuracy = {"key": "test_accuracy", "type": "METRIC", "dataAccessKey": "test_accuracy"}
    epochs = {"key": "train.epochs", "type": "PARAM"}
    cost = {"key": "parameters", "type": "METRIC", "dataAccessKey": "parameters"}
    return [
        # No bars: MLflow starts them at 0, so that all look equal. No parallel coordinates: in a
        # third of a row, their titles overlap.
        {**_chart("epochs", "SCATTER", "compare"), "xaxis": epochs, "yaxis": accuracy},
        {**_chart("cost", "SCATTER", "compare"), "xaxis": cost, "yaxis": accuracy},
    ]


def _curve(metric: str) -> dict[str, Any]:
    return {
        **_chart(f"curve-{metric}", "LINE", "curves"),
        "displayName": metric,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "lineSmoothness": 0,
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def _chart(key: str, kind: str, section: str) -> dict[str, Any]:
    return {
        "uuid": key,
        "type": kind,
        "metricSectionId": section,
        "runsCountToCompare": 20,
        "deleted": False,
        "isGenerated": False,
    }
