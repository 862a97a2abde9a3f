"""Measure the accuracy of presets on MNIST's test set, over several seeds.

`python -m benchmarks.accuracy default cnn --seeds 5 --first-seed 1` trains five networks of each
preset of conf/experiment/, as the pipeline does, and prints rows for each preset. Nothing is
selected on the test set. Results are saved in .benchmarks/, so that after an interruption, or for
more seeds, only the missing networks are trained; a change of code, settings or TensorFlow's
version trains all again. `--keep DIR` saves the networks there as ONNX.
"""

import argparse
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.table import Row, median_and_spread, print_rows
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.places import home
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.inference.metrics import accuracy
from pipeline.digits.splits import load_split
from pipeline.experiments.trial import Trial, make_trial
from pipeline.stages.network import build, export, learn, measure, metadata
from pipeline.system.files import write_json
from pipeline.system.machine import cores


def main() -> None:
    """Train the networks and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="+", help="names of conf/experiment/, or default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the trained networks")
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for preset in arguments.presets:
        results = [result(preset, seed, arguments.keep) for seed in seeds]
        print_rows(rows(preset, results))


def rows(preset: str, results: list[dict[str, float]]) -> list[Row]:
    """Summarise a preset's trainings as rows of the table."""
    command = f"python -m benchmarks.accuracy {preset} --seeds {len(results)}"
    return [
        Row(f"{preset}: {what}", median_and_spread([r[key] for r in results], unit), command)
        for key, what, unit in (
            ("test_accuracy", "test accuracy", " %"),
            ("fit_seconds", "seconds of training", " s"),
            ("fit_processor_seconds", "processor seconds of training", " s"),
        )
    ]


def result(preset: str, seed: int, keep: Path | None) -> dict[str, float]:
    """Return the result of one training; train only if there is no saved result of the same."""
    overrides = [] if preset == "default" else [f"experiment={preset}"]
    trial = make_trial(compose([*overrides, f"seed={seed}", "tracking=none"]), cores())
    saved = home() / ".benchmarks" / f"accuracy_{trial.key}.json"
    network = keep / f"{preset}_{seed}.onnx" if keep else None
    if not saved.is_file() or (network and not network.is_file()):
        write_json(saved, train_and_test(trial, network))
    found: dict[str, float] = json.loads(saved.read_text(encoding="utf-8"))
    print(json.dumps({"preset": preset, "seed": seed, **found}), flush=True)
    return found


def train_and_test(trial: Trial, network: Path | None) -> dict[str, float]:
    """Train one network and measure it; return accuracies in per cent."""
    config = validate(trial.config)
    train, validation, test = (
        load_split(trial.data / f"{name}.npz") for name in ("train", "validation", "test")
    )
    model = build(config, train, 10)
    wall, processor = time.perf_counter(), time.process_time()
    training = learn(model, train, validation, config, lambda epoch: print(epoch, flush=True))
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    metrics = measure(model, validation, training, config)
    with TemporaryDirectory() as folder:
        network = network or Path(folder) / "model.onnx"
        network.parent.mkdir(parents=True, exist_ok=True)
        export(model, network, train, metadata(metrics, config, trial.note))
        answers = Classifier.load(network).probabilities(test.images)
    return {
        "val_accuracy": 100 * metrics["val_accuracy"],
        "test_accuracy": 100 * accuracy(test.labels, answers),
        "fit_seconds": wall,
        "fit_processor_seconds": processor,
        "load_average": os.getloadavg()[0],
    }


if __name__ == "__main__":
    main()
