"""Measure how fast pictures are read, against a loop that only opens and resizes them.

    python -m benchmarks.read_pictures [--quick] [--memory] [--model models/model.onnx]

Speed: from files to answers (decoding, normalising, the network) against
`cv2.resize(cv2.imread(file), (28, 28))` over the same files, in turn in one process. For the
smallest pictures also the lower bound: decoding and classifying, nothing in between. Start: from
the command line of predict-custom to its first written answer, against `import tensorflow`. Memory
(with --memory): the peak of a process that reads 1,000 pictures, and of one that reads 100,000,
each with all processes it starts, sampled every 500 pictures; memory shared by several processes
counts once (Linux's "proportional set size"). The names of 100,000 files alone take about 35 MB.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.table import Row, median_and_spread, print_rows
from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.digits.recognition.digit import recognise
from pipeline.system.arrays import Pixels

SMALL = 28
# Name, suffix, side in pixels (0: the digits as MNIST holds them), files, files with --quick.
SPEEDS = (
    ("MNIST's own PNG", ".png", 0, 5000, 500),
    ("28 px PNG", ".png", SMALL, 5000, 500),
    ("400 px PNG", ".png", 400, 1000, 60),
    ("400 px JPEG", ".jpg", 400, 3000, 60),
    ("3,000 px JPEG", ".jpg", 3000, 30, 6),
    ("3,000 px PNG", ".png", 3000, 12, 4),
)
CHUNK = 256
SETTINGS = {"unsure_below": 0.5, "chunk_size": CHUNK}
COMMAND = "python -m benchmarks.read_pictures"
MEMORY = (1_000, 100_000)
FIRST_ANSWER = (
    *(sys.executable, "-m", "pipeline.stages.predict_custom"),
    *("tracking.enabled=false", "predict.images={images}", "predict.output={output}"),
    "predict.model={model}",
)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/model.onnx"))
    parser.add_argument("--quick", action="store_true", help="fewer files and repeats")
    parser.add_argument("--memory", action="store_true", help="measure memory too: minutes")
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print(peak_megabytes(arguments.peak, arguments.model))
        return
    repeats = 3 if arguments.quick else 7
    with tempfile.TemporaryDirectory() as folder:
        for name, suffix, side, files, few in SPEEDS:
            count = few if arguments.quick else files
            paths = write_pictures(Path(folder) / f"{side}{suffix}", suffix, side, count)
            print_rows([speed_row(name, paths, arguments.model, repeats)])
            if side == SMALL:
                print_rows([floor_row(name, paths, arguments.model, repeats)])
        print_rows([start_row(Path(folder), arguments.model, 1 if arguments.quick else 5)])
        if arguments.memory:
            print_rows([memory_row(Path(folder), arguments.model)])


def write_pictures(folder: Path, suffix: str, side: int, count: int) -> list[Path]:
    """Write real digits as ink on unevenly lit paper, (side, side, 3), one per file.

    With a side of 0 they are written as in MNIST, (28, 28).
    """
    folder.mkdir()
    digits = mnist_5000().test.images
    rng = np.random.default_rng(0)
    light = np.linspace(1.0, 0.7, side)[:, None, None] * np.array([0.85, 0.95, 1.0])
    grain = rng.normal(0, 2, (side, side, 1)) if side > 100 else 0.0
    paths = []
    for number in range(count):
        paths.append(folder / f"{number}{suffix}")
        digit = digits[number % len(digits)]
        if not side:
            cv2.imwrite(str(paths[-1]), digit)
            continue
        room = cv2.copyMakeBorder(digit, 8, 8, 8, 8, cv2.BORDER_CONSTANT)
        ink = cv2.resize(
            room, (side, side), interpolation=cv2.INTER_AREA if side < 44 else cv2.INTER_CUBIC
        )
        picture = 240 * light * (1 - 0.8 * ink[..., None] / 255.0) + grain
        cv2.imwrite(str(paths[-1]), picture.clip(0, 255).astype(np.uint8))
    return paths


def speed_row(name: str, paths: Sequence[Path], model: Path, repeats: int) -> Row:
    """Compare our reading with the plain loop, in pictures per second."""
    classifier = Classifier.load(model)

    def ours() -> None:
        for _ in recognise(paths, paths[0].parent, classifier, **SETTINGS):
            pass

    return _against_plain_loop(f"{name}, against imread and resize", ours, paths, repeats)


def floor_row(name: str, paths: Sequence[Path], model: Path, repeats: int) -> Row:
    """Compare the minimum that any reader must do, on all cores, with the plain loop."""
    classifier = Classifier.load(model)

    def least() -> None:
        for images in in_chunks(_opened, paths, CHUNK, by_processes=True):
            classifier.probabilities(np.stack(images))

    what = f"{name} opened and classified, no more, against imread and resize"
    return _against_plain_loop(what, least, paths, repeats)


def _opened(path: Path) -> Pixels:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.uint8, copy=False)


def _against_plain_loop(
    what: str, ours: Callable[[], None], paths: Sequence[Path], repeats: int
) -> Row:
    def plain() -> None:
        for path in paths:
            cv2.resize(cv2.imread(str(path)), (28, 28))

    taken = by_turns((ours, plain), repeats)
    ratios = [theirs / mine for mine, theirs in zip(*taken, strict=True)]
    mine, theirs = (len(paths) / statistics.median(seconds) for seconds in taken)
    rates = f"{mine:.0f} against {theirs:.0f} pictures a second"
    return Row(f"pictures a second, {what}", f"{median_and_spread(ratios, '×')}; {rates}", COMMAND)


def by_turns(works: Sequence[Callable[[], None]], repeats: int) -> list[list[float]]:
    """Return the seconds of several functions, run in turn after one run that does not count."""
    taken: list[list[float]] = [[] for _ in works]
    for repeat in range(repeats + 1):
        for work, seconds in zip(works, taken, strict=True):
            start = time.perf_counter()
            work()
            if repeat:
                seconds.append(time.perf_counter() - start)
    return taken


def start_row(folder: Path, model: Path, repeats: int) -> Row:
    """Compare the time to the first answer with TensorFlow's import."""
    write_pictures(folder / "first", ".jpg", 400, 10)
    output = folder / "answers"
    places = {"images": folder / "first", "output": output, "model": model.absolute()}
    command = [part.format(**places) for part in FIRST_ANSWER]
    tensorflow = [sys.executable, "-c", "import tensorflow"]
    first, imported = by_turns(
        (
            lambda: until_answer(command, output / "predictions.csv"),
            lambda: _run(tensorflow),
        ),
        repeats,
    )
    ratios = [ours / theirs for ours, theirs in zip(first, imported, strict=True)]
    what = "first answer of predict-custom, against `import tensorflow`"
    return Row(what, median_and_spread(ratios, "×"), COMMAND)


def until_answer(command: Sequence[str], answers: Path) -> None:
    """Start a command, wait until its file of answers holds one, and kill it."""
    answers.unlink(missing_ok=True)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (answers.is_file() and answers.read_bytes().count(b"\n") > 1):
            if process.poll():
                raise SystemExit(f"error: {' '.join(command)} ended with {process.returncode}")
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def memory_row(folder: Path, model: Path) -> Row:
    """Compare the peak memory, in MB, of reading many pictures and few."""
    peaks = []
    for count in MEMORY:
        pictures = folder / f"{count} pictures"
        content = write_pictures(pictures, ".png", 100, 1)[0].read_bytes()
        for number in range(1, count):
            (pictures / f"{number}.png").write_bytes(content)
        script = [sys.executable, "-m", "benchmarks.read_pictures", "--peak", str(pictures)]
        output = subprocess.run([*script, "--model", str(model)], check=True, capture_output=True)
        peaks.append(float(output.stdout))
    few, many = peaks
    result = f"{many / few:.2f}× ({many:.0f} MB against {few:.0f} MB, one run)"
    return Row("memory for 100,000 pictures, against 1,000", result, f"{COMMAND} --memory")


def peak_megabytes(folder: Path, model: Path) -> float:
    """Read a folder of pictures; return the peak memory of all processes together, in MB."""
    paths = sorted(folder.iterdir())
    peak = 0.0
    answers = recognise(paths, folder, Classifier.load(model), **SETTINGS)
    for number, _ in enumerate(answers, start=1):
        if number % 500 == 0:
            peak = max(peak, sum(map(_megabytes, _with_descendants(os.getpid()))))
    return peak


def _with_descendants(process: int) -> list[int]:
    found = [process]
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            found += _with_descendants(int(child))
    return found


def _megabytes(process: int) -> float:
    memory = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"^Pss:\s*(\d+) kB", memory, re.MULTILINE)
    return int(kilobytes) / 1024


if __name__ == "__main__":
    main()
