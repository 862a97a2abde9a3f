"""`kill -9` at random moments; then the same command again, compared with an undisturbed one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field

import psutil
from support.projects import SMALL, wait_for

from soak.state import Checkout

GRID = ["train.epochs=1,2", "model.hidden_units=[16]", "train.threads=1"]
SWEEP = [*(each for each in SMALL if each.split("=")[0] not in GRID[0] + GRID[1]), *GRID]
SEARCH = ["search.trials=2", "search.timeout=3600", *SMALL[:-1], "train.epochs=1"]

KINDS = {
    "prepare": [["dvc", "repro", "prepare"], ["python", "-m", "pipeline.stages.prepare"]],
    "train": [["dvc", "repro", "train"], ["python", "-m", "pipeline.stages.train"]],
    "evaluate": [["dvc", "repro", "evaluate"], ["python", "-m", "pipeline.stages.evaluate"]],
    "predict-custom": [
        ["dvc", "repro", "predict-custom"],
        ["python", "-m", "pipeline.stages.predict_custom"],
    ],
    "experiment": [["python", "-m", "pipeline", *SMALL]],
    "sweep": [["python", "-m", "pipeline.sweep", *SWEEP]],
    "search": [["python", "-m", "pipeline.search", *SEARCH]],
    "register": [["python", "-m", "pipeline.register", "run=best"]],
    "sync": [["python", "-m", "pipeline.sync"]],
}
"""Each kind of command, and the ways to type it."""
VICTIMS = ("group", "command", "child", "group and recorder")
LONGEST = 600  # seconds for the command after a kill


@dataclass
class Kill:
    """A kill, and what was wrong after it."""

    seed: int
    kind: str
    victim: str
    command: str = ""
    after: float = 0.0
    struck: bool = False
    problems: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def run(folder, seeds, kinds):
    """Kill once a seed; write a line of kills.jsonl for each, and skip seeds that have one.

    Return what was wrong after each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "kills.jsonl"
    done = {json.loads(line)["seed"]: json.loads(line) for line in _lines(report)}
    checkout = Checkout.at(folder / "project")
    for seed in seeds:
        if seed in done:
            continue
        done[seed] = asdict(kill_once(checkout, seed, kinds))
        with report.open("a") as file:
            file.write(json.dumps(done[seed]) + "\n")
        print(json.dumps(done[seed]), flush=True)
        if done[seed]["problems"]:
            checkout.set_aside(folder / f"failed-{seed}")
    struck = [each for each in done.values() if each["struck"]]
    failed = [each for each in done.values() if each["problems"]]
    print(f"{len(struck)} kills in {len(done)} tries, {len(failed)} with problems", flush=True)
    return [f"seed {each['seed']}, {each['command']}: {each['problems']}" for each in failed]


def kill_once(checkout, seed, kinds):
    """Kill a command at a moment that the seed chooses, and run it again."""
    rng = random.Random(seed)
    kind = rng.choice(list(kinds))
    command = rng.choice(KINDS[kind])
    kill = Kill(seed, kind, rng.choice(VICTIMS), " ".join(command))
    kill.after = rng.uniform(0, _duration(checkout, kind, command))
    checkout.forget(kind)
    with _started(checkout, command) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=kill.after)
        if process.returncode is None:
            _strike(process, kill, rng, checkout)
        follow_up(checkout, kill, command)
    return kill


def kill_after(checkout, kill, command, words):
    """Kill a command as soon as it has said something, and run it again."""
    with _started(checkout, command) as process:
        wait_for(lambda: words in checkout.log("killed").read_text(), seconds=LONGEST, every=0.1)
        _strike(process, kill, random.Random(kill.seed), checkout)
        follow_up(checkout, kill, command)


@contextmanager
def _started(checkout, command):
    with (
        checkout.log("killed").open("w") as log,
        subprocess.Popen(
            command, cwd=checkout.folder, env=checkout.env,
            stdout=log, stderr=log, start_new_session=True,
        ) as process,
    ):  # fmt: skip
        yield process


def _strike(process, kill, rng, checkout):
    kill.struck = True
    if kill.victim == "child":
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
            if children:
                rng.choice(children).kill()
                process.wait(LONGEST)  # the command finds out and ends in its own way
                return
    if kill.victim == "command":
        process.kill()
    elif kill.victim == "group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        checkout.kill(process)
    if rng.random() < 0.5:
        process.wait()  # otherwise it stays a zombie, as in a container without an init


def follow_up(checkout, kill, command):
    """Run the command again; note what is wrong then, and what the command said of trouble."""
    if command[0] == "dvc" and kill.victim != "command":
        # As `make repro` does: killed with its stage and not collected, DVC keeps itself out.
        checkout.run("python", "-m", "pipeline.cli.project.dvc")
    with checkout.log("again").open("w") as log:
        try:
            code = subprocess.run(
                command, cwd=checkout.folder, env=checkout.env, stdout=log, stderr=log,
                timeout=LONGEST, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            code = "none, it hangs"
    text = checkout.log("again").read_text(errors="replace")
    if code:
        kill.problems.append(f"exit code {code}: {text[-600:]}")
    if "Traceback" in text:
        kill.problems.append(f"a traceback: {text[-1500:]}")
    kill.problems += checkout.problems(kill.kind)
    kill.said = [line for line in text.splitlines() if "warning" in line.lower()][:5]


def _duration(checkout, kind, command):
    """Return how long a command takes; measure it undisturbed where it is not yet known."""
    file = checkout.folder.with_name("durations.json")
    took = json.loads(file.read_text()) if file.is_file() else {}
    if (name := " ".join(command)) not in took:
        checkout.forget(kind)
        begun = time.monotonic()
        checkout.run(*command)
        took[name] = time.monotonic() - begun
        if found := checkout.problems(kind):
            sys.exit(f"{name}, undisturbed: {found}")
        file.write_text(json.dumps(took, indent=1))
        checkout.keep()
    return took[name]


def _lines(file):
    return file.read_text().splitlines() if file.is_file() else []
