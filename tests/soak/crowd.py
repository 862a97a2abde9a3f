"""Many commands at once on one SQLite store: nothing may be lost, and nobody may be locked out."""

import itertools
import shutil
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from support.projects import SMALL

from soak.state import Checkout

SEED = itertools.count(1000)
SMALLEST = [each for each in SMALL if not each.startswith("train.epochs")]
SWEEP = ["python", "-m", "pipeline.sweep", *SMALLEST, "train.threads=1", "train.epochs=1,2"]
SEARCH = ["python", "-m", "pipeline.search", *SMALLEST, "train.epochs=1", "search.trials=1"]
PREDICT = ["python", "-m", "pipeline.stages.predict_custom"]
TRAIN = ["python", "-m", "pipeline.stages.train"]
BUSY = ("an experiment is running here", "this sweep is already running")
WRONG = ("Traceback", "locked", "warning: MLflow", "another program holds")


@dataclass
class Did:
    """What the workers did, by stage of the MLflow runs that it must have left."""

    runs: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


def sweep(checkout, did):
    command = [*SWEEP, f"seed={next(SEED)}"]
    _do(checkout, did, command, {"sweep": 1, "trial": 2})


def same_sweep(checkout, did):
    """Start the same sweep in two processes: one does the work, the other one says so."""
    command = [*SWEEP, f"seed={next(SEED)}"]
    other = threading.Thread(target=_do, args=(checkout, did, command, {"sweep": 1, "trial": 2}))
    other.start()
    time.sleep(3)
    _do(checkout, did, command, {})
    other.join()


def search(checkout, did):
    seed = next(SEED)
    command = [*SEARCH, f"seed={seed}", f"search.study=s{seed}"]
    _do(checkout, did, command, {"search": 1, "trial": 1})


def predict(checkout, did):
    command = [*PREDICT, f"predict.output=home/answers-{next(SEED)}"]
    _do(checkout, did, command, {"predict-custom": 1})


def train(checkout, did):
    _do(checkout, did, [*TRAIN, f"seed={next(SEED)}"], {"train": 1})


def experiment(checkout, did):
    small = [part for override in SMALL for part in ("-S", override)]
    command = ["dvc", "exp", "run", "-f", *small, "-S", f"seed={next(SEED)}", "evaluate"]
    _do(checkout, did, command, {"train": 1, "prepare": 1})


WORKERS = (
    (sweep, 0), (experiment, 1), (predict, 0), (train, 2),
    (same_sweep, 0), (search, 1), (sweep, 2), (predict, 0),
)  # fmt: skip
"""What each worker does again and again, and in which of the checkouts."""


def run(folder, seconds, workers=WORKERS):
    """Let the workers work, each at least once; return what is wrong with what they left."""
    checkouts = _checkouts(folder, 1 + max(number for _, number in workers))
    main = checkouts[0]
    before = _stages(main)
    did = Did()
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_again_and_again, args=(work, checkouts[number], did, until))
        for work, number in workers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    main.wait_until_settled()
    found = [*did.wrong, *(f"MLflow: {each} is RUNNING" for each in main.running())]
    counted = _stages(main) - before
    if counted != did.runs:
        found.append(f"MLflow has {dict(counted)}, and there were {dict(did.runs)}")
    found += _incomplete(main)
    print(f"{dict(did.runs)} recorded, {did.refused} commands refused in one line")
    return found


def _again_and_again(work, checkout, did, until):
    while True:
        work(checkout, did)
        if time.monotonic() > until:
            return


def _do(checkout, did, command, runs):
    done = subprocess.run(
        command, cwd=checkout.folder, env=checkout.env, capture_output=True, text=True, check=False
    )
    text = done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    if done.returncode and any(reason in text for reason in BUSY):
        did.refused += 1
        if len(lines) != 1 and command[0] != "dvc":
            did.wrong.append(f"{' '.join(command)}: refused in {len(lines)} lines")
        return
    if done.returncode:
        did.wrong.append(f"{' '.join(command)}: {text[-800:]}")
    did.wrong += [line for line in text.splitlines() if any(each in line for each in WRONG)]
    did.runs.update(runs)


def _checkouts(folder, count):
    """Return checkouts, those but the first with the store of the first one."""
    main = Checkout.at(folder / "project")
    main.wait_until_settled()
    others = []
    for number in range(1, count):
        place = folder / f"beside-{number}"
        if not place.exists():
            shutil.copytree(main.folder, place, symlinks=True)
        other = Checkout.at(place)
        home = str(place / "home")
        store = f"sqlite:///{main.folder / 'mlflow.db'}"
        other.env = {**other.env, "HOME": home, "MLFLOW_TRACKING_URI": store}
        others.append(other)
    return [main, *others]


def _stages(main):
    found = main.query(
        "select value, count(*) from tags join runs using (run_uuid) "
        "where key = 'stage' and status = 'FINISHED' group by value"
    )
    return Counter(dict(found))


def _incomplete(main):
    """Return the finished trainings that lack an epoch, or have one twice."""
    found = main.query(
        "select run_uuid, params.value, count(*), count(distinct step) from metrics "
        "join runs using (run_uuid) join params using (run_uuid) "
        "where metrics.key = 'val_loss' and params.key = 'train.epochs' and status = 'FINISHED' "
        "group by run_uuid"
    )
    return [
        f"MLflow: run {run_id} has {count} epochs of {epochs}"
        for run_id, epochs, count, steps in found
        if not int(epochs) == count == steps
    ]
