"""A trained network that reads rows of touching digits, behind ONNX Runtime."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.classifier import open_network, temperature_of
from pipeline.digits.inference.metrics import soften
from pipeline.digits.recognition.rows import HEIGHT, Found, find_middles
from pipeline.system.errors import InputError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class RowReader:
    """Reads rows of digits that touch, without cutting them."""

    def __init__(self, session: "InferenceSession", temperature: float) -> None:
        """Wrap an open session; use `RowReader.load` to make one from a file."""
        self._session = session
        self._input = session.get_inputs()[0].name
        self._temperature = temperature

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open an ONNX file that the stage train-rows wrote.

        Raises:
            InputError: The file is missing or ONNX Runtime cannot use it.
        """
        session, metadata = open_network(path)
        _, height, width = session.get_inputs()[0].shape
        if height != HEIGHT or isinstance(width, int):
            raise InputError(f"{path}: reads no rows; `dvc repro -f train-rows` makes what does")
        return cls(session, temperature_of(metadata))

    def read(self, row: NDArray[np.uint8]) -> list[Found]:
        """Return the digits of a row, uint8 (HEIGHT, w), with calibrated probabilities."""
        (answers,) = self._session.run(None, {self._input: row[None]})
        return [
            replace(found, probabilities=soften(found.probabilities[None], self._temperature)[0])
            for found in find_middles(answers[0])
        ]
