"""The service against `mlflow models serve`: the same network, pictures and load, by turns.

A network is registered in a store of its own. Each server answers the same requests in MLflow's own
format, one picture each, over a few connections that stay open.
"""

import argparse
import base64
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import psutil

from benchmarks.table import Row, median_and_spread, print_rows
from pipeline.config.places import ROOT
from pipeline.digits.datasets.mnist import mnist

CONNECTIONS = 8
COMMAND = "python -m benchmarks.serving"
SMALL, SAMPLES = "28 px PNGs", "the sample pictures"
START_WITHIN = 120.0


@dataclass(frozen=True)
class Load:
    """What one server did under load.

    Attributes:
        start: Seconds from the command to the first answer.
        rate: Requests a second.
        p99: Seconds within which 99 % of the requests were answered.
    """

    start: float
    rate: float
    p99: float


def bodies() -> dict[str, list[bytes]]:
    """Return requests with one picture each, by kind of picture."""
    digits = mnist(on_unavailable="stand_in").test.images[:200]
    small = [cv2.imencode(".png", 255 - image)[1].tobytes() for image in digits]
    samples = [file.read_bytes() for file in sorted((ROOT / "data" / "custom").glob("*.*g"))]
    return {SMALL: [_request(each) for each in small], SAMPLES: [_request(e) for e in samples]}


def _request(picture: bytes) -> bytes:
    return json.dumps({"inputs": [base64.b64encode(picture).decode()]}).encode()


def register(store: Path, network: Path) -> None:
    """Register a network in a new store, which becomes that of this process and its children."""
    os.environ["DVC_ROOT"] = str(store)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{store / 'mlflow.db'}"
    from mlflow import MlflowClient

    from pipeline.tracking.registry.packing import log_served_model

    client = MlflowClient()
    experiment = client.create_experiment("bench", artifact_location=(store / "a").as_uri())
    run = client.create_run(experiment).info.run_id
    model = log_served_model(client, run, network, 0.7)
    client.create_registered_model("digits")
    client.create_model_version("digits", f"models:/{model}", run, model_id=model)
    client.set_registered_model_alias("digits", "champion", "1")


def commands(port: int) -> dict[str, list[str]]:
    """Return how to start each server."""
    python = sys.executable
    return {
        "ours": [python, "-m", "pipeline.serve", f"port={port}"],
        "mlflow": [
            *(python, "-m", "mlflow", "models", "serve", "-m", "models:/digits@champion"),
            *("--env-manager", "local", "--port", str(port)),
        ],
    }


@contextmanager
def running(command: Sequence[str], port: int, first: bytes) -> Iterator[tuple[int, float]]:
    """Run a server; yield its process id, and the seconds until it answered a request."""
    begun = time.perf_counter()
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        while not _answers(port, first):
            if server.poll() is not None or time.perf_counter() - begun > START_WITHIN:
                raise SystemExit(f"error: {' '.join(command)} does not answer")
            time.sleep(0.01)
        yield server.pid, time.perf_counter() - begun
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _answers(port: int, body: bytes) -> bool:
    try:
        return _post(http.client.HTTPConnection("127.0.0.1", port, timeout=5), body) == 200
    except OSError:
        return False


def _post(connection: http.client.HTTPConnection, body: bytes) -> int:
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def load(port: int, requests: Sequence[bytes], total: int) -> list[float]:
    """Send requests over several connections; return the seconds that each took.

    Raises:
        SystemExit: One was not answered with 200.
    """
    numbers, seconds, failed = count(), [], []

    def ask_on() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while (number := next(numbers)) < total:
            begun = time.perf_counter()
            status = _post(connection, requests[number % len(requests)])
            seconds.append(time.perf_counter() - begun)
            if status != 200:
                failed.append(status)

    threads = [threading.Thread(target=ask_on) for _ in range(CONNECTIONS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if failed:
        raise SystemExit(f"error: {len(failed)} of {total} requests failed, such as {failed[0]}")
    return seconds


def measure(command: Sequence[str], port: int, requests: Sequence[bytes], total: int) -> Load:
    """Start a server, warm it up and load it."""
    with running(command, port, requests[0]) as (_, start):
        load(port, requests, total // 10)
        begun = time.perf_counter()
        seconds = load(port, requests, total)
        rate = total / (time.perf_counter() - begun)
    return Load(start, rate, float(np.quantile(seconds, 0.99)))


def compare(rounds: int, total: int, port: int) -> None:
    """Measure both servers by turns and print what they did."""
    for kind, requests in bodies().items():
        found: dict[str, list[Load]] = {"ours": [], "mlflow": []}
        for _ in range(rounds):
            for name, command in commands(port).items():
                found[name].append(measure(command, port, requests, total))
        pairs = list(zip(found["ours"], found["mlflow"], strict=True))
        command = f"{COMMAND} --rounds {rounds}"
        rows = [
            Row(
                f"serving {kind}: requests a second, against mlflow models serve",
                f"{_ratios([ours.rate / theirs.rate for ours, theirs in pairs])}; "
                f"{_middle(o.rate for o, _ in pairs):.0f} against "
                f"{_middle(t.rate for _, t in pairs):.0f}",
                command,
            ),
            Row(
                f"serving {kind}: 99 % of the answers within, against mlflow models serve",
                f"{_ratios([ours.p99 / theirs.p99 for ours, theirs in pairs])}; "
                f"{1000 * _middle(o.p99 for o, _ in pairs):.0f} against "
                f"{1000 * _middle(t.p99 for _, t in pairs):.0f} ms",
                command,
            ),
            Row(
                f"serving {kind}: start to first answer, against mlflow models serve",
                f"{_ratios([ours.start / theirs.start for ours, theirs in pairs])}; "
                f"{_middle(o.start for o, _ in pairs):.1f} against "
                f"{_middle(t.start for _, t in pairs):.1f} s",
                command,
            ),
        ]
        print_rows(rows)


def _ratios(values: Sequence[float]) -> str:
    return median_and_spread(values, "×")


def _middle(values: Iterator[float]) -> float:
    return statistics.median(values)


def _memory(pid: int) -> int:
    """Return what a process and those that it started take, in bytes."""
    service = psutil.Process(pid)
    return sum(each.memory_info().rss for each in [service, *service.children(recursive=True)])


def memory(total: int, port: int) -> None:
    """Print how the service's memory grows over many requests."""
    requests = bodies()[SMALL]
    with running(commands(port)["ours"], port, requests[0]) as (pid, _):
        load(port, requests, total // 10)
        before = _memory(pid)
        load(port, requests, total)
        after = _memory(pid)
    print_rows(
        [
            Row(
                f"serving: memory after {total:,} more requests",
                f"{after / before:.2f}× ({after / 2**20:.0f} MB against {before / 2**20:.0f} MB, "
                "one run)",
                f"{COMMAND} --memory",
            )
        ]
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/model.onnx"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--port", type=int, default=18_765)
    parser.add_argument("--memory", action="store_true", help="100,000 requests to one service")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        register(Path(folder), arguments.model)
        if arguments.memory:
            memory(100_000, arguments.port)
        else:
            compare(arguments.rounds, arguments.requests, arguments.port)


if __name__ == "__main__":
    main()
