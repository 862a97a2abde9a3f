"""The answers of the service, as JSON: the fields of predictions.csv and numbers.csv."""

import base64
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.digits.recognition.digit import Prediction, Status
from pipeline.digits.recognition.number import NumberPrediction


class Box(BaseModel):
    """A digit of a number, and where it is in the picture.

    Attributes:
        left: Pixels from the left side of the picture; `top`, `width`, `height` likewise.
    """

    digit: int
    confidence: float
    second: int | None
    second_confidence: float
    line: int
    left: int
    top: int
    width: int
    height: int
    status: Status
    detail: str


class Seen(BaseModel):
    """What the network saw of a picture, and what it made of it."""

    pixels: str = Field(description="base64 of side × side bytes, 0 paper to 255 ink")
    side: int
    probabilities: list[float] = Field(description="of each digit, calibrated")


class Answer(BaseModel):
    """What was read from one picture."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "file": "seven.png",
                    "digit": "7",
                    "confidence": 0.998,
                    "second": "1",
                    "second_confidence": 0.001,
                    "status": "ok",
                    "detail": "",
                }
            ]
        }
    )

    file: str
    digit: str | None = Field(description="the digit, or the number; null if there is none")
    confidence: float = Field(description="probability that it is right, 0..1")
    second: str | None
    second_confidence: float
    status: Status
    detail: str = Field(description="why it is not ok, in one line")
    boxes: list[Box] | None = Field(default=None, description="with mode=number: every digit")
    size: tuple[int, int] | None = Field(
        default=None, description="with mode=number: width and height"
    )
    seen: Seen | None = Field(default=None, description="with seen=true")


class NetworkAnswer(BaseModel):
    """Which network answers."""

    name: str = Field(examples=["models:/digits/3"])
    run_id: str | None
    test_accuracy: float | None
    title: str | None = Field(examples=["mlp 512-256 · 12 epochs"])


class Answers(BaseModel):
    """What was read from the pictures of a request, and which network read them."""

    network: NetworkAnswer
    predictions: list[Answer]


class Alternative(BaseModel):
    """Another digit that a picture may show."""

    digit: int
    confidence: float


class Row(BaseModel):
    """What the registered model returns for a picture."""

    digit: int | None
    confidence: float
    alternatives: list[Alternative]
    status: Status
    detail: str


class Invoked(BaseModel):
    """What MLflow's scoring server returns."""

    predictions: list[Row]


class Names(BaseModel):
    """The names of networks."""

    names: list[str] = Field(examples=[["champion", "models:/digits/3", "local"]])


class Refusal(BaseModel):
    """Why a request was refused, in one line."""

    error: str = Field(examples=["the body is larger than 16 MB"])


def digit_answer(prediction: Prediction, *, seen: bool) -> Answer:
    """Return the answer for a picture of one digit.

    Args:
        prediction: What the network said.
        seen: Whether to add what the network saw.
    """
    answer = Answer(**_reading(prediction))
    if seen:
        answer.seen = _seen(prediction)
    return answer


def _seen(prediction: Prediction) -> Seen | None:
    if prediction.image is None or prediction.probabilities is None:
        return None
    return Seen(
        pixels=base64.b64encode(prediction.image.tobytes()).decode(),
        side=len(prediction.image),
        probabilities=[float(each) for each in prediction.probabilities],
    )


def number_answer(prediction: NumberPrediction) -> Answer:
    """Return the answer for a picture of numbers."""
    boxes = [
        Box(
            digit=box.digit,
            confidence=box.confidence,
            second=box.second,
            second_confidence=box.second_confidence,
            line=box.line,
            left=box.left,
            top=box.top,
            width=box.width,
            height=box.height,
            status="unsure" if doubt else "ok",
            detail=doubt,
        )
        for box, doubt in zip(prediction.digits, prediction.doubts, strict=True)
    ]
    return Answer(**_reading(prediction), boxes=boxes, size=prediction.size)


def _reading(prediction: Prediction | NumberPrediction) -> dict[str, Any]:
    """Return what both kinds of answers say, by the names of predictions.csv."""
    digits = {
        name: None if (value := getattr(prediction, name)) is None else str(value)
        for name in ("digit", "second")
    }
    others = ("file", "confidence", "second_confidence", "status", "detail")
    return digits | {name: getattr(prediction, name) for name in others}
