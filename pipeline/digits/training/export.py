"""Export the trained Keras network to ONNX, which everything else uses to read digits."""

import contextlib
import io
import json
import logging
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.system.environment import turn_off_telemetry
from pipeline.system.files import replace_when_written

if TYPE_CHECKING:
    import keras

LARGEST_DIFFERENCE = 1e-5


def export_onnx(
    model: "keras.Model",
    path: Path,
    sample_images: NDArray[np.uint8],
    metadata: dict[str, str],
) -> float:
    """Write a network as ONNX and check that it gives the same answers.

    Args:
        model: Takes uint8 (batch, height, width), gives probabilities (batch, …, classes).
        path: Where to write it. If anything fails, an existing file is kept.
        sample_images: uint8 (n, height, width), n >= 1, to compare the answers on.
        metadata: Kept in the file, under ``metadata_props``.

    Returns:
        The largest difference of a probability between Keras and ONNX Runtime.

    Raises:
        RuntimeError: The difference is 1e-5 or more.
    """
    expected = np.asarray(model(sample_images, training=False))
    with replace_when_written(path) as temporary:
        with _silence():
            model.export(str(temporary), format="onnx", verbose=False)
        add_metadata(temporary, metadata)
        difference = float(np.abs(_answers(temporary, sample_images) - expected).max())
        # "not below", so that NaN is refused as well.
        if not difference < LARGEST_DIFFERENCE:
            raise RuntimeError(
                f"the exported network differs from Keras by {difference:.2g} in a probability; "
                f"less than {LARGEST_DIFFERENCE:.0e} was expected"
            )
    return difference


def make_reproducible(path: Path) -> None:
    """Replace the times and addresses in memory in a .keras file: same network, same bytes.

    Otherwise DVC would keep a copy of it for every time that it was trained.
    """
    numbers: dict[bytes, bytes] = {}

    def number(match: re.Match[bytes]) -> bytes:
        return match[1] + numbers.setdefault(match[2], b"%d" % len(numbers))

    with zipfile.ZipFile(path) as saved:
        files = {name: saved.read(name) for name in saved.namelist()}
    metadata = json.loads(files["metadata.json"])
    files["metadata.json"] = json.dumps({**metadata, "date_saved": ""}).encode()
    files["config.json"] = re.sub(rb'("shared_object_id": )(\d+)', number, files["config.json"])
    with zipfile.ZipFile(path, "w") as written:
        for name, content in files.items():
            written.writestr(zipfile.ZipInfo(name), content)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Discard the exporter's progress messages and its warnings about NumPy deprecations."""
    logging_before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging_before)


def add_metadata(path: Path, metadata: dict[str, str]) -> None:
    """Keep these in an ONNX file, under ``metadata_props``, and no others."""
    import onnx

    network = onnx.load(path)
    # It counts the functions that TensorFlow has traced, fewer of them in a resumed training: the
    # same network would have other bytes.
    network.graph.doc_string = ""
    onnx.helper.set_model_props(network, metadata)
    onnx.save(network, path)


def add_logits(path: Path) -> None:
    """Let the network in an ONNX file give its logits, (batch, classes), as a second output."""
    import onnx

    network = onnx.load(path)
    answer = network.graph.output[0]
    softmax = next(node for node in reversed(network.graph.node) if node.op_type == "Softmax")
    logits = network.graph.output.add()
    logits.CopyFrom(answer)
    logits.name = softmax.input[0]
    onnx.save(network, path)


def _answers(path: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    turn_off_telemetry()
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])
