"""The saved view, whose format is private to MLflow's pages."""

import base64
import json
import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pytest
from support.recording import SETTINGS, recorded_training

from pipeline.tracking import saved_view
from pipeline.tracking.addresses import tracking_uri
from pipeline.tracking.names import CONFIGURATION_TAG
from pipeline.tracking.saved_view import GROUPED_KEY, VIEW_KEY, VIEW_TAG, VIEWS, save_view
from pipeline.tracking.training_records import CURVES as TRAINING_CURVES

OWN_KEYS = {
    *saved_view.COLUMNS,
    *saved_view.GROUPED_COLUMNS,
}  # the columns' widths are kept by the columns' names


@lru_cache
def scripts():
    """Return the scripts of MLflow's pages, as installed."""
    import mlflow

    folder = Path(mlflow.__file__).parent / "server" / "js" / "build" / "static" / "js"
    return "".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.js")))


def words(state):
    """Collect the keys of a state, and its values in capitals: the words MLflow must know."""
    if isinstance(state, Mapping):
        return set(state) - OWN_KEYS | {word for each in state.values() for word in words(each)}
    if isinstance(state, list):
        return {word for each in state for word in words(each)}
    return {state} if isinstance(state, str) and re.fullmatch("[A-Z][A-Z0-9_]+", state) else set()


def test_mlflows_pages_know_every_word_of_the_view():
    """Guards a private format: a word that a new MLflow has dropped would be ignored silently."""
    expected = {word for _, groups in VIEWS.values() for word in words(saved_view._state(groups))}
    expected -= {"ALL"}
    expected |= {VIEW_TAG, "viewStateShareKey", "deflate;", '"tag"', '"average"'}
    assert len(expected) > 50
    assert [word for word in sorted(expected) if word not in scripts()] == []


@pytest.mark.parametrize("key", VIEWS)
def test_a_view_is_kept_as_the_pages_unpack_it(client, key):
    address = save_view(SETTINGS, tracking_uri(SETTINGS))
    experiment = client.get_experiment_by_name("digits")
    assert address.startswith(f"#/experiments/{experiment.experiment_id}/runs?")
    assert address.endswith(f"viewStateShareKey={VIEW_KEY}")
    kept = json.loads(experiment.tags[VIEW_TAG + key])
    kind, _, packed = kept["state"].partition(";")
    assert kind == "deflate"
    state = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert state == saved_view._state(VIEWS[key][1], list(state["groupsExpanded"]))


def test_the_groups_that_there_are_open_closed(client):
    run_id = recorded_training()
    client.set_tag(run_id, CONFIGURATION_TAG, "mlp 8 #1")
    client.log_metric(run_id, "val_accuracy", 0.5)
    save_view(SETTINGS, tracking_uri(SETTINGS))
    kept = json.loads(client.get_experiment_by_name("digits").tags[VIEW_TAG + GROUPED_KEY])
    state = json.loads(zlib.decompress(base64.b64decode(kept["state"].partition(";")[2])))
    assert state["groupsExpanded"] == {"tag.configuration.mlp 8 #1": False}


@pytest.mark.parametrize("curve", saved_view.CURVES)
def test_a_curve_that_is_shown_is_one_that_trainings_record(curve):
    assert curve in TRAINING_CURVES.values()


def test_what_one_compares_by_fits_beside_the_names_in_a_window_of_1440_pixels():
    *first, _ = list(saved_view.COLUMNS)[:6]
    names = [column.partition(".")[2].strip("`") for column in first]
    compared = ["layers", "train.epochs", "data", "val_accuracy_chosen", "test_accuracy"]
    assert names == compared
    assert sum(saved_view.COLUMNS[column] for column in first) <= 640


def test_no_chart_is_of_bars_which_start_at_zero():
    charts = saved_view._state(None)["compareRunCharts"]
    assert "BAR" not in {chart["type"] for chart in charts}
    assert "train.epochs" in {chart.get("xaxis", {}).get("key") for chart in charts}
