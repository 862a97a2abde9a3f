"""A real `mlflow server` that is killed and stopped at random moments while runs are recorded."""

import os
import random
import signal
import threading
import time
from dataclasses import replace
from unittest import mock

from support.projects import wait_for
from support.recording import TRAIN, contents, of_each_kind
from support.servers import MlflowServer

from pipeline.config.schema import Tracking
from pipeline.tracking.recording.journal import journals, store_folder
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.starting import deliver_waiting

EXPERIMENT = "outages-{}"
STRIKES = 12
LONGEST_UP, LONGEST_DOWN = 3.0, 8.0
"""Seconds between two strikes, and until the server is brought back."""
LONGEST_PAUSE = 1.5
"""Seconds between two records of a run."""
TIMEOUT = "3"
"""Seconds after which MLflow's client gives a request up, which a stopped server may do later."""
DELIVERED = 120  # seconds within which all is delivered once the server answers


def run(folder, seeds):
    """Disturb a server once a seed; return what is wrong with the runs that it holds then."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    with MlflowServer(folder) as server:
        for seed in seeds:
            wrong, count = disturbed(server, folder, seed)
            print(f"seed {seed}: {STRIKES} outages, {count} runs, {len(wrong)} wrong", flush=True)
            found += wrong
    return found


def disturbed(server, folder, seed, strikes=STRIKES):
    """Record runs while the server is disturbed; return what is wrong, and how many there were.

    The first run is recorded before anything happens; all others must equal it.
    """
    environment = {
        "DVC_ROOT": str(folder),
        "MLFLOW_TRACKING_URI": server.address,
        "MLFLOW_HTTP_REQUEST_TIMEOUT": TIMEOUT,
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    settings = Tracking(enabled=True, uri=None, experiment=EXPERIMENT.format(seed))
    rng = random.Random(seed)
    with mock.patch.dict(os.environ, environment):
        keys = [_record(folder, settings, 0)]
        trouble = threading.Thread(target=_disturb, args=(server, rng, strikes))
        trouble.start()
        while trouble.is_alive():
            keys.append(_record(folder, settings, LONGEST_PAUSE))
        trouble.join()
        server.wait_until_up()
        wait_for(lambda: deliver_waiting(settings), DELIVERED)
        wrong = _problems(server.address, settings.experiment, keys)
        wrong += [f"{each} waits" for each in journals(store_folder(server.address))]
    return [f"seed {seed}: {each}" for each in wrong], len(keys)


def _disturb(server, rng, strikes):
    """Kill or stop the server again and again, also while it comes up, and bring it back."""
    for strike in range(strikes):
        time.sleep(rng.uniform(0, LONGEST_UP))
        stop = (strike + rng.randrange(2)) % 2
        if stop:
            server.signal(signal.SIGSTOP)
        else:
            server.kill()
        time.sleep(rng.uniform(0, LONGEST_DOWN))
        if stop:
            server.signal(signal.SIGCONT)
        else:
            server.start()
            if rng.random() < 0.7:
                server.wait_until_up()


def _record(folder, settings, longest_pause):
    """Record a run with a record of each kind; return our id of it."""
    chart, network = folder / "chart.txt", folder / "model.keras"
    chart.write_text("a chart" * 1000)
    network.write_bytes(b"a network" * 1000)
    request = replace(TRAIN, experiment=settings.experiment)
    with new_run(settings, request) as recorder:
        for record in of_each_kind(chart, network)[:-1]:
            recorder.record(record)
            time.sleep(random.uniform(0, longest_pause))
    return recorder.key


def _problems(address, experiment, keys):
    """Return what is wrong with the runs of an experiment: each key has one, like the first."""
    from mlflow import MlflowClient

    client = MlflowClient(address)
    runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    by_key = {run.data.tags["run_key"]: _told(client, run) for run in runs}
    found = [f"run {key} is not there" for key in keys if key not in by_key]
    if len(runs) != len(by_key) or not by_key.keys() <= set(keys):
        found.append(f"{len(keys)} runs were recorded, and there are {len(runs)}")
    whole = by_key[keys[0]]
    for key, told in by_key.items():
        found += [f"run {key}: {what} differ" for what in whole if told[what] != whole[what]]
    return found


def _told(client, run):
    told = contents(client, run.info.run_id)
    return told | {"status": told["status"][0]}
