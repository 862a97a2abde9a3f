"""A trained network on ONNX Runtime: pixels in, calibrated probabilities out."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.drift import Reference
from pipeline.digits.inference.metrics import soften
from pipeline.digits.inference.views import mean_answer
from pipeline.system.environment import turn_off_telemetry
from pipeline.system.errors import InputError, in_one_line

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Keys of the metadata in an ONNX file.
TEMPERATURE = "temperature"
NOTE = "note"
TITLE = "title"
VIEWS = "views"
REFERENCE = "reference"
ENERGY = "energy"

BATCH_SIZE = 1024  # pictures

# Logarithm of the odds that a picture is a digit where its energy is the one that 95 % of the
# validation pictures exceed, and its rise with each nat of energy. Fitted together with the weights
# of `recognition.choosing`.
DIGIT_OFFSET, DIGIT_SLOPE = 2.77, 0.96


class Classifier:
    """Classifies pictures of the size that the network was trained on.

    Attributes:
        temperature: Divisor of the logits, fitted on the validation data; > 0.
        note: A warning about the data that the network was trained on, or None.
        title: What was trained, such as "mlp 128-128 · 5 epochs"; None in old files.
        test_time_augmentation: Whether each answer is the mean over several views of the picture.
        reference: What pictures of the training data's kind are like; None in old files.
        energy: What 95 % of the validation pictures exceed; None in old files.
    """

    def __init__(
        self,
        session: "InferenceSession",
        temperature: float,
        note: str | None,
        title: str | None,
        test_time_augmentation: bool,
        reference: Reference | None = None,
        energy: float | None = None,
    ) -> None:
        """Wrap an open session; `Classifier.load` opens a file."""
        self._session = session
        self._input = session.get_inputs()[0]
        self.temperature = temperature
        self.note = note
        self.title = title
        self.test_time_augmentation = test_time_augmentation
        self.reference = reference
        self.energy = energy

    @classmethod
    def load(cls, path: Path, threads: int | None = None) -> Self:
        """Open an ONNX file that the train stage wrote.

        Args:
            path: The file.
            threads: Number of threads to use; None uses all cores.

        Raises:
            InputError: The file is missing or ONNX Runtime cannot use it.
        """
        session, metadata = open_network(path, threads)
        if not all(isinstance(side, int) for side in session.get_inputs()[0].shape[1:]):
            raise InputError(f"{path}: reads lines of digits, not pictures of one digit")
        return cls(
            session,
            temperature=temperature_of(metadata),
            note=metadata.get(NOTE) or None,
            title=metadata.get(TITLE),
            test_time_augmentation=metadata.get(VIEWS) == "several",
            reference=Reference.from_text(metadata[REFERENCE]) if REFERENCE in metadata else None,
            energy=float(metadata[ENERGY]) if ENERGY in metadata else None,
        )

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the pictures the network takes, in pixels."""
        _, height, width = self._input.shape
        return int(height), int(width)

    def raw_probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return uncalibrated probabilities (n, classes) for uint8 images of shape (n, h, w)."""
        return self._outputs(images)[:, :-1]

    def energies(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logarithm of the sum of the exponentials of each picture's logits, (n,).

        The less a picture is like those of the training, the lower it is (W. Liu et al.,
        "Energy-based out-of-distribution detection", NeurIPS 2020); infinite in old files.
        """
        return self._outputs(images)[:, -1]

    def _outputs(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return uncalibrated probabilities and, in a last column, energies: (n, classes + 1)."""
        return mean_answer(images, self._run) if self.test_time_augmentation else self._run(images)

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts = [
            _with_energy(
                *self._session.run(None, {self._input.name: images[start : start + BATCH_SIZE]})
            )
            for start in range(0, len(images), BATCH_SIZE)
        ]
        if not parts:
            classes = self._session.get_outputs()[0].shape[-1]
            return np.empty((0, classes + 1), np.float32)
        return np.concatenate(parts)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return calibrated probabilities (n, classes) for uint8 images of shape (n, h, w)."""
        return self.calibrate(self.raw_probabilities(images))

    def digit_probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return calibrated probabilities (n, classes) that count how likely it is no digit.

        What they lack to 1 is the probability of that; nothing in old files.
        """
        outputs = self._outputs(images)
        known = self.calibrate(outputs[:, :-1])
        if self.energy is None:
            return known
        odds = DIGIT_OFFSET + DIGIT_SLOPE * (outputs[:, -1:] - self.energy)
        counted: NDArray[np.float32] = known / (1 + np.exp(np.minimum(-odds, 50)))
        return counted

    def calibrate(self, raw_probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Divide the logits by the temperature, so that confidence matches accuracy."""
        return soften(raw_probabilities, self.temperature)


def _with_energy(
    probabilities: NDArray[np.float32], logits: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    if logits is None:
        energy = np.full(len(probabilities), np.inf, np.float32)
    else:
        energy = np.logaddexp.reduce(logits, axis=1)
    return np.column_stack([probabilities, energy])


def open_network(
    path: Path, threads: int | None = None
) -> "tuple[InferenceSession, dict[str, str]]":
    """Open a network that takes uint8 (n, h, w); return it with the metadata of its file.

    Args:
        path: The ONNX file.
        threads: Number of threads to use; None uses all cores.

    Raises:
        InputError: The file is missing, ONNX Runtime cannot use it, or it takes other inputs.
    """
    turn_off_telemetry()
    import onnxruntime

    if not path.is_file():
        raise InputError(f"{path}: no trained network there; `dvc repro` trains the project's own")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0  # 0: as many as there are cores
    # Waiting threads would spin, on cores that are busy preparing the next pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        reason = in_one_line(error, 200)
        raise InputError(
            f"{path}: not a network that ONNX Runtime can read ({reason}); `dvc repro` restores "
            "the project's own"
        ) from error
    (pixels, *others) = session.get_inputs()
    if others or pixels.type != "tensor(uint8)" or len(pixels.shape) != 3:
        raise InputError(f"{path}: not a network of this project, which takes uint8 (n, h, w)")
    return session, session.get_modelmeta().custom_metadata_map


def temperature_of(metadata: Mapping[str, str]) -> float:
    """Return the temperature of a network, 1 if its file does not give one."""
    return float(metadata.get(TEMPERATURE, "1"))
