"""How accurate a preset is on MNIST's test part, over several seeds.

`python -m benchmarks.accuracy default cnn --seeds 5 --first-seed 1` trains that many networks of
each preset of conf/experiment/ just as the train stage does, on prepared MNIST, and prints a row a
preset. Nothing is chosen by the test part. With `--keep DIR` the networks stay there as ONNX.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from benchmarks.table import Row, median_and_spread, print_rows
from pipeline.config import compose, validate
from pipeline.digits.classifier import Classifier
from pipeline.digits.datasets import load_split
from pipeline.digits.export import export_onnx
from pipeline.digits.metrics import accuracy, fit_temperature
from pipeline.layout import split_file
from pipeline.stages.train import build, learn


def main() -> None:
    """Train as many networks as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="+", help="names of conf/experiment/, or default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the trained networks")
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for preset in arguments.presets:
        results = [train_and_test(preset, seed, arguments.keep) for seed in seeds]
        print_rows(rows(preset, results))


def rows(preset: str, results: list[dict[str, float]]) -> list[Row]:
    """Bring a preset's trainings to rows of the table."""
    command = f"python -m benchmarks.accuracy {preset} --seeds {len(results)}"
    return [
        Row(f"{preset}: {what}", median_and_spread([r[key] for r in results], unit), command)
        for key, what, unit in (
            ("test_accuracy", "test accuracy", " %"),
            ("fit_seconds", "seconds of training", " s"),
            ("fit_processor_seconds", "processor seconds of training", " s"),
        )
    ]


def train_and_test(preset: str, seed: int, keep: Path | None) -> dict[str, float]:
    """Train one network and measure it; accuracies in per cent."""
    chosen = [] if preset == "default" else [f"experiment={preset}"]
    config = validate(compose([*chosen, f"seed={seed}", "tracking=none"]))
    train, validation, test = (
        load_split(split_file(name)) for name in ("train", "validation", "test")
    )
    model = build(config, train, 10)
    wall, processor = time.perf_counter(), time.process_time()
    learn(model, train, validation, config, lambda epoch: print(epoch, flush=True))
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    with tempfile.TemporaryDirectory() as folder:
        onnx_file = (keep or Path(folder)) / f"{preset}_{seed}.onnx"
        onnx_file.parent.mkdir(parents=True, exist_ok=True)
        probabilities = model.predict(validation.images, batch_size=1000, verbose=0)
        temperature = fit_temperature(validation.labels, probabilities)
        export_onnx(model, onnx_file, test.images[:256], {"temperature": repr(temperature)})
        answers = Classifier.load(onnx_file).probabilities(test.images)
    result = {
        "seed": seed,
        "val_accuracy": 100 * accuracy(validation.labels, probabilities),
        "test_accuracy": 100 * accuracy(test.labels, answers),
        "fit_seconds": wall,
        "fit_processor_seconds": processor,
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps({"preset": preset, **result}), flush=True)
    return result


if __name__ == "__main__":
    main()
