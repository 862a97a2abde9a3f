"""A trained network behind ONNX Runtime: pixels in, calibrated probabilities out."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.metrics import soften
from pipeline.digits.inference.views import mean_answer
from pipeline.system.errors import InputError, in_one_line

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

TEMPERATURE = "temperature"
NOTE = "note"
VIEWS = "views"
BATCH_SIZE = 1024


class Classifier:
    """Reads pictures of the size and the classes that the network was trained on.

    Attributes:
        temperature: What the logits are divided by, found on the validation data; > 0.
        note: A warning about the data the network was trained on, or None.
        test_time_augmentation: Whether each answer is the mean over several views of the picture.
    """

    def __init__(
        self,
        session: "InferenceSession",
        temperature: float,
        note: str | None,
        test_time_augmentation: bool,
    ) -> None:
        """Wrap an open session; use `Classifier.load` to make one from a file."""
        self._session = session
        self._input = session.get_inputs()[0]
        self.temperature = temperature
        self.note = note
        self.test_time_augmentation = test_time_augmentation

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open an ONNX file that the train stage wrote.

        Raises:
            InputError: The file is missing or ONNX Runtime cannot use it.
        """
        session, metadata = open_network(path)
        if not all(isinstance(side, int) for side in session.get_inputs()[0].shape[1:]):
            raise InputError(f"{path}: reads rows of digits, not pictures of one")
        return cls(
            session,
            temperature=temperature_of(metadata),
            note=metadata.get(NOTE) or None,
            test_time_augmentation=metadata.get(VIEWS) == "several",
        )

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the pictures the network takes, in pixels."""
        _, height, width = self._input.shape
        return int(height), int(width)

    def raw_probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the network's own softmax (n, classes) for uint8 images of shape (n, h, w)."""
        return (
            mean_answer(images, self._softmax)
            if self.test_time_augmentation
            else self._softmax(images)
        )

    def _softmax(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        outputs = [
            self._session.run(None, {self._input.name: images[start : start + BATCH_SIZE]})[0]
            for start in range(0, len(images), BATCH_SIZE)
        ]
        if not outputs:
            classes = self._session.get_outputs()[0].shape[-1]
            return np.empty((0, classes), np.float32)
        return np.concatenate(outputs)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return calibrated probabilities (n, classes) for uint8 images of shape (n, h, w)."""
        return self.calibrate(self.raw_probabilities(images))

    def calibrate(self, raw_probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn the network's softmax into probabilities that mean what they say, (n, classes)."""
        return soften(raw_probabilities, self.temperature)


def open_network(path: Path) -> "tuple[InferenceSession, dict[str, str]]":
    """Open a network, and return it with what its file says of how it is to be used.

    Raises:
        InputError: The file is missing or ONNX Runtime cannot use it.
    """
    import onnxruntime

    if not path.is_file():
        raise InputError(f"{path}: no trained network there; `dvc repro` makes the project's own")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from those that read the next pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        reason = in_one_line(error, 200)
        raise InputError(
            f"{path}: not a network that ONNX Runtime can read ({reason}); `dvc repro` brings the "
            "project's own back"
        ) from error
    (pixels, *others) = session.get_inputs()
    if others or pixels.type != "tensor(uint8)" or len(pixels.shape) != 3:
        raise InputError(f"{path}: not a network of this project, which takes uint8 (n, h, w)")
    return session, session.get_modelmeta().custom_metadata_map


def temperature_of(metadata: Mapping[str, str]) -> float:
    """Return what the logits of a network are to be divided by; 1 if its file does not say."""
    return float(metadata.get(TEMPERATURE, "1"))
