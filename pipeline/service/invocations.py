"""MLflow's own way to ask a model: `POST /invocations` with JSON."""

import json
from collections.abc import Sequence
from typing import Any

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.serving import answer, as_row
from pipeline.service.limits import RefusedError

FORMS = "inputs, instances, dataframe_split or dataframe_records"


def parse(body: bytes, unsure_below: float) -> tuple[list[Any], float]:
    """Return the pictures that a body of JSON holds, and the confidence below which is "unsure".

    Args:
        body: As MLflow's scoring server takes it.
        unsure_below: What counts if the body names no other.

    Raises:
        RefusedError: It does not hold pictures in one of MLflow's forms.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise RefusedError(400, f"the body must be an object with {FORMS}")
    return _pictures(request), _threshold(request.get("params") or {}, unsure_below)


def _pictures(request: dict[str, Any]) -> list[Any]:
    for form in ("inputs", "instances"):
        if form in request:
            return _as_list(request[form])
    try:
        if "dataframe_split" in request:
            return [row for (row,) in request["dataframe_split"]["data"]]
        if "dataframe_records" in request:
            return [value for row in request["dataframe_records"] for (value,) in [row.values()]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusedError(400, "a table of pictures must have exactly one column") from error
    raise RefusedError(400, f"the body needs one of {FORMS}")


def _as_list(given: object) -> list[Any]:
    """Return a list of pictures: one picture alone is a list of rows of numbers, or a text."""
    if not isinstance(given, list):
        return [given]
    is_one = (
        bool(given)
        and isinstance(given[0], list)
        and given[0]
        and not isinstance(given[0][0], list)
    )
    return [given] if is_one else given


def _threshold(params: object, default: float) -> float:
    below = params.get("unsure_below", default) if isinstance(params, dict) else None
    if not isinstance(below, int | float) or not 0 <= below <= 1:
        raise RefusedError(400, "params.unsure_below must be a number from 0 to 1")
    return float(below)


def invoke(pictures: Sequence[Any], classifier: Classifier, below: float) -> list[dict[str, Any]]:
    """Read pictures; return the rows that the registered model returns under MLflow."""
    return [as_row(each) for each in answer(pictures, classifier, unsure_below=below)]
