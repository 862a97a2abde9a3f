"""Teach a network: go on training it, on a part of its data and on the corrections together."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.config.schema import Config
from pipeline.config.trees import Tree
from pipeline.digits.inference.classifier import TITLE
from pipeline.digits.inference.metrics import accuracy
from pipeline.digits.splits import DIGIT_NAMES, Split, digest, load_split
from pipeline.digits.training.export import make_reproducible
from pipeline.digits.training.fit import OnEpoch
from pipeline.digits.training.state import Epoch, Training
from pipeline.stages.fingerprint import fingerprint
from pipeline.stages.network import (
    build,
    describe,
    export,
    keep_reference,
    learn,
    measure,
    metadata,
)
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.stages.training_run import training_run, unseen_test_set
from pipeline.system.errors import InputError
from pipeline.system.progress import progress
from pipeline.teaching.judging import Verdict, judge
from pipeline.teaching.lesson import Lesson
from pipeline.teaching.parent import Parent
from pipeline.tracking.recording.learning import KerasModel
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.recording.records import File, Metrics, Params
from pipeline.tracking.training_records import (
    configuration,
    epoch_metrics,
    evaluation_metrics,
    final_metrics,
    training_data,
    training_request,
)

if TYPE_CHECKING:
    import keras

STAGE = "teach"
PARENT_TAG = "taught_from"
"""Of the run of a taught network: the run of the one it comes from."""
NETWORK_FOLDER = "train"
"""Where the registry looks for a network among a run's artifacts."""


@dataclass(frozen=True)
class Pace:
    """How a network is taught.

    Attributes:
        epochs: Passes over the pictures.
        known_pictures: Pictures of its own training data in each pass, lest it forget them.
        known_pictures_convolutional: The same for convolutional networks, which are slow: so they
            are taught in two minutes, too.
        corrections_share: Share of the pictures in each pass, 0..1, that are corrections.
        most_copies: Each correction is repeated so many times a pass at most, distorted anew.
        learning_rate_share: Of the learning rate that it was trained with.
    """

    epochs: int = 5
    known_pictures: int = 60_000
    known_pictures_convolutional: int = 10_000
    corrections_share: float = 0.12
    most_copies: int = 100
    learning_rate_share: float = 0.25


PACE = Pace()
STEPS = (0.6, 0.5, 0.4, 0.3)
"""How far to go from the old weights to the new ones: the farthest that forgets nothing. All the
way forgot 13 to 15 of 10,000 test digits, though no validation digit told so."""
DISTORTION: Tree = {
    "_target_": "pipeline.digits.training.augmentation.Distortion",
    "share": 0.9, "rotation": 12.0, "shear": 0.2, "scale": 0.12, "stretch": 0.15, "shift": 1.0,
    "elastic": 0.6, "thickness": 0.6, "erase": 0.0,
}  # fmt: skip
"""For networks that were trained without any."""


@dataclass(frozen=True)
class Known:
    """The data that the network was trained on.

    Attributes:
        info: Its name and classes.
        train: What it learned from.
        validation: What its confidence is calibrated on.
        test: What neither it nor the network it comes from has ever seen.
    """

    info: DatasetInfo
    train: Split
    validation: Split
    test: Split

    @classmethod
    def load(cls) -> "Known":
        """Read data/prepared.

        Raises:
            InputError: It is missing, or holds no digits.
        """
        info = DatasetInfo.load()
        if tuple(info.class_names) != DIGIT_NAMES:
            raise InputError(f"data/prepared: holds {info.name}, no digits; prepare digits first")
        parts = (load_split(split_file(name)) for name in ("train", "validation", "test"))
        return cls(info, *parts)


@dataclass(frozen=True)
class Taught:
    """A network that was taught.

    Attributes:
        run_id: Its MLflow run.
        network: Its ONNX file.
        verdict: How it compares with the one it comes from.
    """

    run_id: str
    network: Path
    verdict: Verdict


@contextmanager
def taught(parent: Parent, lesson: Lesson, known: Known) -> Iterator[Taught]:
    """Teach a network and record it as a run below that of its parent.

    Nothing but the run is kept: the network's file lasts as long as the block. If this is
    interrupted, the same lesson goes on from its last finished pass.

    Raises:
        InputError: The network may have seen the prepared test set, or takes other pictures.
    """
    config = lesson_config(parent.config, parent.run_id)
    unseen = _expect_unseen(config, parent)
    pictures = mix(known.train, lesson.learned, config)
    name = f"{describe(parent.config)}, taught {len(lesson.learned)} corrections"
    request = training_request(
        config.tracking, name, STAGE, _recorded(parent),
        tags={PARENT_TAG: parent.run_id}, parent_run_id=parent.run_id,
    )  # fmt: skip
    key = fingerprint(config, digest([pictures, lesson.held_back]), "train")
    with tempfile.TemporaryDirectory() as place:
        with training_run(config, request, key) as (recorder, checkpoint):
            _record_setup(recorder, parent, lesson, known, unseen)
            network = Path(place) / "model.onnx"
            model, training = _go_on(recorder, checkpoint, config, pictures, known.validation)
            metrics = measure(model, known.validation, training, config)
            about = metadata(metrics, config, known.info.note) | {TITLE: name}
            export(model, network, pictures, about)
            keep_reference(network, known.validation, about)
            seconds = sum(epoch.seconds for epoch in training.history)
            recorder.record(final_metrics(metrics, seconds), File(str(network), NETWORK_FOLDER))
            _record_model(recorder, model, Path(place), known.validation)
            verdict = judge(parent.network, network, lesson.held_back, known.test)
            _record_verdict(recorder, verdict, known)
            run_id = recorder.run_id()
        yield Taught(run_id, network, verdict)


def _expect_unseen(config: Config, parent: Parent) -> str:
    """Return the digest of the prepared test set, which the network has not seen.

    Raises:
        InputError: It may have.
    """
    unseen = unseen_test_set(config)
    if unseen is None:
        raise InputError(
            f"{parent.name} may have been trained on the test set in data/prepared, so nothing "
            "could be told of it; prepare the data it was trained on"
        )
    return unseen


def _go_on(
    recorder: Recorder, checkpoint: Path | None, config: Config, pictures: Split, validation: Split
) -> "tuple[keras.Model, Training]":
    """Train the network further, and record each pass."""
    with progress(config.train.epochs, "pass") as shown:

        def on_epoch(epoch: Epoch) -> None:
            recorder.record(epoch_metrics(asdict(epoch)))
            shown.step(f"loss {epoch.loss:.4f}")

        return train_further(config, pictures, validation, on_epoch, checkpoint)


def train_further(
    config: Config,
    pictures: Split,
    validation: Split,
    on_epoch: OnEpoch | None = None,
    checkpoint: Path | None = None,
) -> "tuple[keras.Model, Training]":
    """Train a network further, without losing what it knew.

    Its weights end on the way from the old ones to the new ones, as far along as they read the
    validation pictures as well as before (M. Wortsman et al., "Robust fine-tuning of zero-shot
    models", CVPR 2022).

    Args:
        config: What `lesson_config` returned.
        pictures: What `mix` returned.
        validation: Pictures that it does not learn from.
        on_epoch: As for `learn`.
        checkpoint: As for `learn`.
    """
    model = build(config, pictures, len(DIGIT_NAMES))
    old, floor = model.get_weights(), _accuracy(model, validation)
    training = learn(model, pictures, validation, config, on_epoch, checkpoint)
    new = model.get_weights()
    for step in STEPS:
        model.set_weights([a + step * (b - a) for a, b in zip(old, new, strict=True)])
        if _accuracy(model, validation) >= floor:
            break
    return model, training


def _accuracy(model: "keras.Model", pictures: Split) -> float:
    return accuracy(pictures.labels, model.predict(pictures.images, batch_size=1000, verbose=0))


def _record_model(
    recorder: Recorder, model: "keras.Model", folder: Path, validation: Split
) -> None:
    file = folder / "model.keras"
    model.save(file)
    make_reproducible(file)
    example = validation.images[0].tolist()
    recorder.record(KerasModel.at(file, model.output_shape[1:], example))


def mix(known: Split, corrections: Split, config: Config) -> Split:
    """Return the pictures of a pass: known ones, and each correction several times."""
    is_slow = "filters" in config.model
    most = PACE.known_pictures_convolutional if is_slow else PACE.known_pictures
    rows = np.random.default_rng(config.seed).permutation(len(known))[:most]
    wanted = len(rows) * PACE.corrections_share / (1 - PACE.corrections_share)
    copies = min(PACE.most_copies, max(1, round(wanted / len(corrections))))
    repeated = np.tile(np.arange(len(corrections)), copies)
    return Split(
        np.concatenate([known.images[rows], corrections.images[repeated]]),
        np.concatenate([known.labels[rows], corrections.labels[repeated]]),
    )


def lesson_config(config: Config, init_from: str) -> Config:
    """Return the configuration of a lesson.

    Args:
        config: What the network was trained with.
        init_from: Its MLflow run, or its .keras file.
    """
    train = config.train.model_copy(
        update={
            "init_from": init_from,
            "epochs": PACE.epochs,
            "learning_rate": config.train.learning_rate * PACE.learning_rate_share,
            "distortion": config.train.distortion or DISTORTION,
            "early_stopping_patience": None,
        }
    )
    return config.model_copy(update={"train": train})


def _recorded(parent: Parent) -> Tree:
    """Return the configuration to record: a lesson that follows takes its pace from it again."""
    tree = parent.config.model_dump()
    return tree | {"train": tree["train"] | {"init_from": parent.run_id}}


def _record_setup(
    recorder: Recorder, parent: Parent, lesson: Lesson, known: Known, unseen: str
) -> None:
    parts = {
        "train": len(known.train),
        "validation": len(known.validation),
        "corrections": len(lesson.learned),
    }
    recorder.record(
        *configuration(_recorded(parent)),
        Params({"teach": asdict(PACE)}),
        *training_data(known.info.name, known.info.digest, parts, known.info.note, unseen),
    )


def _record_verdict(recorder: Recorder, verdict: Verdict, known: Known) -> None:
    held_back, test = verdict.held_back, verdict.test
    recorder.record(
        evaluation_metrics(
            {"test_accuracy": test.after / test.pictures},
            known.info.name, digest([known.test]), test.pictures,
        ),
        Metrics(
            {
                "held_back_pictures": held_back.pictures,
                "held_back_accuracy": held_back.after / held_back.pictures,
                "held_back_accuracy_before": held_back.before / held_back.pictures,
                "held_back_p_value": held_back.comparison.p_value,
                "test_p_value": test.comparison.p_value,
            }
        ),
    )  # fmt: skip
