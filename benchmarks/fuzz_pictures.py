"""Fuzz the reading of picture files: random bytes, and damaged files of every format.

`python -m benchmarks.fuzz_pictures [INPUTS] [--seed SEED]` decodes and normalises every input. That
must either raise a `PictureError` with a reason in one line, or give a picture, uint8 (28, 28), and
a reason if it is blank. Anything else is a failure: the input is saved in the folder for temporary
files, a line names it, and the exit code is 1. If the interpreter itself crashes, the culprit is
among the 5,000 inputs from the last printed number on.
"""

import argparse
import faulthandler
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pipeline.digits.preprocessing.decoding import PictureError, decode
from pipeline.digits.preprocessing.normalise import decode_and_normalise

Random = np.random.Generator

PRINT_EVERY = 5_000  # inputs

OPTIONS: dict[str, list[dict[str, object]]] = {
    "PNG": [{}, {"optimize": True}, {"save_all": True}],
    "JPEG": [{}, {"progressive": True}, {"quality": 20}],
    "BMP": [{}],
    "TIFF": [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}],
    "WEBP": [{}, {"lossless": True}],
}
MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
    "BMP": ["1", "L", "P", "RGB"],
    "TIFF": ["1", "L", "P", "RGB", "RGBA", "CMYK", "I", "F", "LAB"],
    "WEBP": ["RGB", "RGBA"],
}


def main() -> int:
    """Fuzz, and report the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", nargs="?", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    faulthandler.enable()
    cv2.setNumThreads(1)
    return 1 if fuzz(arguments.inputs, arguments.seed)["FAILED"] else 0


def fuzz(inputs: int, seed: int) -> Counter[str]:
    """Read this many inputs, save those that fail, and count the outcomes."""
    corpus = valid_files(np.random.default_rng(seed))
    outcomes: Counter[str] = Counter()
    start = time.monotonic()
    for number in range(inputs):
        if number % PRINT_EVERY == 0:
            print(f"seed {seed}, from input {number:,}: {dict(outcomes)}", flush=True)
        content = mutated(corpus, np.random.default_rng((seed, number)))
        outcome = outcome_of(content)
        outcomes[outcome.split(":")[0]] += 1
        if outcome.startswith("FAILED"):
            kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{number}.bin"
            kept.write_bytes(content)
            print(f"{outcome}; the input is {kept}", flush=True)
    seconds = time.monotonic() - start
    print(f"{inputs:,} inputs in {seconds:.0f} s: {dict(outcomes)}")
    return outcomes


def outcome_of(content: bytes) -> str:
    """Read one input; return "read", "refused", or "FAILED: " and the reason."""
    try:
        found = decode_and_normalise(partial(decode, content))[1]
    except PictureError as error:
        return "FAILED: reason of several lines" if "\n" in str(error) else "refused"
    except BaseException as error:  # must not happen
        return f"FAILED: {error!r}"
    if any(each.image.shape != (28, 28) or each.image.dtype != np.uint8 for each in found):
        return "FAILED: wrong form"
    blank = any(not each.image.any() and not each.trouble for each in found)
    return "FAILED: blank without a reason" if blank else "read"


def valid_files(random: Random) -> list[bytes]:
    """Encode small pictures in every format and mode, with every option."""
    files = []
    for form, modes in MODES.items():
        for mode in modes:
            for options in OPTIONS[form]:
                for side in (1, 9, 28, 60, 120, 420):
                    files.append(_encoded(_picture(random, mode, side), form, options))
    return files


def _picture(random: Random, mode: str, side: int) -> Image.Image:
    gray = random.integers(0, 30, (side, side), np.uint8) + 200
    cv2.line(gray, (side // 3, side // 5), (side // 2, side * 4 // 5), 20, max(1, side // 10))
    if mode == "I;16":
        return Image.fromarray(gray.astype(np.uint16) * 257)
    image = Image.fromarray(gray)
    return Image.merge("LAB", [image] * 3) if mode == "LAB" else image.convert(mode)


def _encoded(image: Image.Image, form: str, options: dict[str, object]) -> bytes:
    buffer = BytesIO()
    extra = {"append_images": [image.copy()]} if "save_all" in options else {}
    image.save(buffer, form, **options, **extra)  # type: ignore[arg-type]
    return buffer.getvalue()


def mutated(corpus: list[bytes], random: Random) -> bytes:
    """Return an input: mostly a damaged file, sometimes random bytes after a signature."""
    content = bytearray(corpus[random.integers(len(corpus))])
    if random.random() < 0.1:
        kept = int(random.integers(0, 24))
        return bytes(content[:kept]) + random.bytes(int(random.integers(0, 400)))
    for _ in range(int(random.integers(1, 4))):
        damage = DAMAGES[random.integers(len(DAMAGES))]
        content = damage(content, random, corpus)
    return bytes(content)


def _place(content: bytearray, random: Random) -> int:
    """Choose a position, half of the time in the header, which is short but matters most."""
    limit = min(len(content), 64) if random.random() < 0.5 else len(content)
    return int(random.integers(0, limit)) if limit else 0


def _flip(content: bytearray, random: Random, _: list[bytes]) -> bytearray:
    if content:
        content[_place(content, random)] ^= 1 << int(random.integers(8))
    return content


def _set(content: bytearray, random: Random, _: list[bytes]) -> bytearray:
    place = _place(content, random)
    content[place : place + 1] = bytes([(0, 1, 127, 128, 255)[random.integers(5)]])
    return content


def _overwrite(content: bytearray, random: Random, _: list[bytes]) -> bytearray:
    place, length = _place(content, random), int(random.integers(1, 9))
    content[place : place + length] = random.bytes(length)
    return content


def _cut(content: bytearray, random: Random, _: list[bytes]) -> bytearray:
    return content[: _place(content, random)] if random.random() < 0.5 else content


def _remove(content: bytearray, random: Random, _: list[bytes]) -> bytearray:
    place = _place(content, random)
    del content[place : place + int(random.integers(1, 33))]
    return content


def _insert(content: bytearray, random: Random, _: list[bytes]) -> bytearray:
    place = _place(content, random)
    content[place:place] = random.bytes(int(random.integers(1, 33)))
    return content


def _splice(content: bytearray, random: Random, corpus: list[bytes]) -> bytearray:
    other = corpus[random.integers(len(corpus))]
    return content[: _place(content, random)] + other[_place(bytearray(other), random) :]


DAMAGES = (_flip, _set, _overwrite, _cut, _remove, _insert, _splice)

if __name__ == "__main__":
    sys.exit(main())
