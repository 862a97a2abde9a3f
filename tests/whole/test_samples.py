"""The sample pictures in `data/custom/` are the ones `data/draw_samples.py` draws."""

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "data" / "custom"
LABELS = {
    row["file"]: row["label"]
    for row in csv.DictReader((SAMPLES / "labels.csv").read_text(encoding="utf-8").splitlines())
}


@pytest.fixture(scope="module")
def redrawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, ROOT / "data" / "draw_samples.py", folder], check=True)
    return folder


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA"), np.float64)


@pytest.mark.parametrize("name", LABELS)
def test_the_script_draws_the_committed_picture(name: str, redrawn: Path) -> None:
    ours, again = pixels(SAMPLES / name), pixels(redrawn / name)
    assert ours.shape == again.shape
    difference = np.abs(ours - again)
    # Lossy coders differ by some grey levels between their versions, and so do palettes.
    assert difference.mean() < 1.5
    assert np.mean(difference.max(axis=2) > 40) < 0.005


def test_the_script_writes_the_committed_labels_and_nothing_else(redrawn: Path) -> None:
    assert (redrawn / "labels.csv").read_bytes() == (SAMPLES / "labels.csv").read_bytes()
    assert {path.name for path in redrawn.iterdir()} == {*LABELS, "labels.csv"}


def test_every_sample_is_labelled_by_what_its_name_says() -> None:
    assert {name: name[0] for name in LABELS} == LABELS
    assert all((SAMPLES / name).is_file() for name in LABELS)


def test_every_digit_is_there_twice() -> None:
    counts = Counter(LABELS.values())
    assert set(counts) == set("0123456789")
    assert min(counts.values()) >= 2


def test_the_samples_are_small_files_of_many_sizes_and_kinds() -> None:
    sizes = {name: (SAMPLES / name).stat().st_size for name in LABELS}
    assert max(sizes.values()) < 120_000
    assert sum(sizes.values()) < 600_000
    assert {Path(name).suffix for name in LABELS} == {".png", ".jpg", ".webp"}
    with_alpha, sides = 0, []
    for name in LABELS:
        with Image.open(SAMPLES / name) as image:
            sides.append(max(image.size))
            with_alpha += image.mode == "RGBA"
    assert with_alpha == 2
    assert min(sides) == 28
    assert max(sides) == 1200


@pytest.mark.parametrize("name", LABELS)
def test_there_is_ink_to_be_seen(name: str) -> None:
    picture = pixels(SAMPLES / name)
    ink = picture[..., 3] if name in ("4_transparent.png", "5_white_ink.png") else picture[..., 1]
    low, high = np.percentile(ink, (0.3, 99.7))
    assert high - low > 90
