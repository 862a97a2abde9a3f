"""The typed schema of the configuration."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from pipeline.config.trees import Target


class Section(BaseModel):
    """A section of the configuration: frozen, without unknown keys or wrong types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Prepare(Section):
    """How the data is split."""

    validation_size: Annotated[int, Field(ge=1, le=1_000_000_000)]


class Train(Section):
    """How the network learns."""

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    schedule: Target
    optimizer: Target
    distortion: Target | None
    drawn_share: Annotated[float, Field(ge=0, le=1)]
    other_share: Annotated[float, Field(ge=0, lt=1)]
    sharpness_radius: Annotated[float, Field(ge=0, le=10)]
    early_stopping_patience: Annotated[int, Field(ge=1, le=10_000)] | None
    init_from: Annotated[str, Field(min_length=1)] | None
    test_time_augmentation: bool
    jit_compile: Literal["auto"] | bool
    threads: Annotated[int, Field(ge=1, le=1_024)] | None


class Lines(Section):
    """How the network that reads whole lines of digits learns."""

    rounds: Annotated[int, Field(ge=0, le=10_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: Annotated[float, Field(gt=0, le=10)]


Text = Annotated[str, Field(min_length=1)]


class Predict(Section):
    """Which pictures to read, what they hold, and how sure an answer must be."""

    mode: Literal["digit", "number"]
    images: Text | Annotated[list[Text], Field(min_length=1)]
    output: Annotated[str, Field(min_length=1)]
    model: Annotated[str, Field(min_length=1)]
    unsure_below: Annotated[float, Field(ge=0, le=1)]
    unsure_numbers_below: Annotated[float, Field(ge=0, le=1)]
    chunk_size: Annotated[int, Field(ge=1, le=100_000)]
    grid_limit: Annotated[int, Field(ge=1, le=1_000)]
    explain: bool


class Tracking(Section):
    """Where MLflow records runs. MLFLOW_TRACKING_URI in the environment overrides `uri`."""

    enabled: bool
    uri: str | None
    experiment: Annotated[str, Field(min_length=1)]


class Config(Section):
    """The whole configuration of an experiment."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]
    data: Target
    prepare: Prepare
    model: Target
    train: Train
    lines: Lines
    predict: Predict
    tracking: Tracking


class Options(Section):
    """A command's own options, besides the configuration; every field has a default."""


AnyOptions = TypeVar("AnyOptions", bound=Section)
