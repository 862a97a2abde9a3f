"""Register a network, and choose the champion: `digits register run=<run id | best>`.

Registers a run's network as a version of the model `digits`. The alias `champion` moves to it only
if it is significantly better than the champion on the test set.
"""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.cli.command import run_tool
from pipeline.config.schema import Config, Options
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.significance import P_VALUE_NAME, SIGNIFICANCE, Comparison, compare
from pipeline.digits.splits import Split, digest, load_split
from pipeline.stages.prepared import DatasetInfo, dataset_file, split_file
from pipeline.system.errors import InputError
from pipeline.system.files import write_json
from pipeline.tracking.recording.starting import deliver_waiting
from pipeline.tracking.registry.candidates import Candidate
from pipeline.tracking.registry.registry import Registry

log = logging.getLogger(__name__)

STAGE = "register"


class RegisterOptions(Options):
    """Which run to register, or whether to undo the last change of champion."""

    run: str | None = Field(
        None,
        description="The run to register, such as `run=best`: the id of an MLflow run, or best for "
        "the one with the highest validation accuracy on the data that is prepared here.",
    )
    rollback: bool = Field(False, description="Whether to go back to the champion before.")


@dataclass(frozen=True)
class EvaluationSet:
    """The test set on which networks are compared.

    Attributes:
        info: The data set that it is part of.
        test: Its pictures and their true classes.
    """

    info: DatasetInfo
    test: Split

    @classmethod
    def load(cls) -> Self:
        """Read the prepared test set."""
        return cls(DatasetInfo.load(), load_split(split_file("test")))

    def predict(self, network: Path) -> NDArray[np.int64]:
        """Classify every test picture; return the predicted classes, (n,).

        Raises:
            InputError: The network expects pictures of another size.
        """
        classifier = Classifier.load(network)
        if classifier.input_shape != self.test.images.shape[1:]:
            raise InputError(
                f"{network.stem}: expects pictures of {classifier.input_shape} pixels, unlike "
                "those in data/prepared; prepare the data that both networks were trained for"
            )
        classes: NDArray[np.int64] = classifier.raw_probabilities(self.test.images).argmax(axis=1)
        return classes

    def is_unseen_by(self, candidate: Candidate) -> bool:
        """Return whether a network is known to have been trained without these pictures."""
        return candidate.unseen_test_digest == digest([self.test])


@dataclass(frozen=True)
class Verdict:
    """What was decided about a new version.

    Attributes:
        wins: Whether it becomes champion.
        decision: Which version is champion from now on, and why, in one line.
        plot: Path of the comparison's plot in the candidate's run; None if nothing was compared.
    """

    wins: bool
    decision: str
    plot: str | None


def run(config: Config, options: RegisterOptions) -> None:
    """Register a run, or go back to the previous champion."""
    deliver_waiting(config.tracking)
    registry = Registry.open(config.tracking)
    if options.rollback:
        with registry.alone():
            old, new = registry.champions.roll_back()
        log.info("champion is version %d again (was %d)", new, old)
    elif options.run:
        candidate = registry.candidates.find(options.run, prepared_digest())
        if candidate.choice:
            log.info("%s", candidate.choice)
        with registry.alone():
            register(registry, candidate, config.predict.unsure_below)
    else:
        raise InputError("nothing to register; pass run=<MLflow run id>, run=best or rollback=true")


def prepared_digest() -> str | None:
    """Return the digest of the prepared test set; None if no data is prepared."""
    return digest([load_split(split_file("test"))]) if dataset_file().is_file() else None


def register(registry: Registry, candidate: Candidate, unsure_below: float) -> None:
    """Register a run's network, and make it the champion if it is better."""
    champion = registry.champions.current()
    # Read first: without the test set, nothing can be compared or should be registered.
    evaluation = EvaluationSet.load() if champion else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network = registry.candidates.download(candidate, folder)
        version = registry.versions.find_or_create(candidate, network, unsure_below)
        if champion == version:
            log.info("champion is already version %d, made from this run", version)
            return
        if champion is None or evaluation is None:
            verdict = Verdict(True, f"champion is version {version}, the first one", None)
        else:
            verdict = compare_with_champion(
                registry, evaluation, candidate, network, (version, champion), folder
            )
    registry.versions.describe(version, candidate, verdict.decision, verdict.plot)
    if verdict.wins:
        registry.champions.set_champion(version)
    log.info("%s", verdict.decision)


def compare_with_champion(
    registry: Registry,
    evaluation: EvaluationSet,
    candidate: Candidate,
    network: Path,
    versions: tuple[int, int],
    folder: Path,
) -> Verdict:
    """Compare a candidate with the champion and record the comparison in the candidate's run.

    Args:
        registry: The registry that holds both.
        evaluation: The pictures to compare them on.
        candidate: The training of the new version.
        network: Its ONNX file.
        versions: The version numbers of candidate and champion.
        folder: A folder for temporary files.
    """
    version, champion = versions
    champions_network = registry.versions.download(champion, folder)
    answers = evaluation.predict(network), evaluation.predict(champions_network)
    comparison = compare(evaluation.test.labels, *answers)
    unseen = evaluation.is_unseen_by(candidate)
    files = report(evaluation, comparison, answers, versions, folder / "report")
    place = f"{STAGE}/version_{version}_against_{champion}"
    registry.candidates.add_files(candidate, files, place)
    return Verdict(
        wins=comparison.better and unseen,
        decision=decide(comparison, version, champion, unseen=unseen),
        plot=f"{place}/{files[-1].name}",
    )


def decide(comparison: Comparison, candidate: int, champion: int, *, unseen: bool) -> str:
    """Return in one line which version is champion from now on, and why."""
    gained, lost = len(comparison.only_candidate), len(comparison.only_champion)
    counts = (
        f"of {comparison.pictures:,} test digits, {gained:,} are read right only by version "
        f"{candidate} and {lost:,} only by version {champion}"
    )
    chance = f"{P_VALUE_NAME} = {comparison.p_value:.2g}"
    if not comparison.significant:
        return (
            f"champion stays version {champion}: version {candidate} is not significantly "
            f"different; {counts} ({chance} ≥ {SIGNIFICANCE})"
        )
    chance = f"{chance} < {SIGNIFICANCE}"
    if not comparison.better:
        return (
            f"champion stays version {champion}: version {candidate} is worse; {counts} ({chance})"
        )
    if not unseen:
        return (
            f"champion stays version {champion}: version {candidate} may have been trained on "
            f"these test digits, so its result proves nothing; {counts} ({chance})"
        )
    return f"champion is version {candidate} (was {champion}), which is better: {counts} ({chance})"


def report(
    evaluation: EvaluationSet,
    comparison: Comparison,
    answers: tuple[NDArray[np.int64], NDArray[np.int64]],
    versions: tuple[int, int],
    folder: Path,
) -> list[Path]:
    """Write a comparison's numbers and plot the pictures that only one network read right.

    Args:
        evaluation: The pictures they were compared on.
        comparison: The outcome.
        answers: The classes predicted by candidate and champion, (n,) each.
        versions: The version numbers of candidate and champion.
        folder: Where to write the files.

    Returns:
        The paths of comparison.json and of the plot.
    """
    from pipeline.plots.register import Gain, disagreements
    from pipeline.plots.style.page import save_figure

    images, labels = evaluation.test.images, evaluation.test.labels
    rows = comparison.only_candidate, comparison.only_champion
    gains = [
        Gain(f"only version {own} is right", images[of], labels[of], other_answers[of])
        for own, of, other_answers in zip(versions, rows, answers[::-1], strict=True)
    ]
    figure = disagreements(
        f"Version {versions[0]} against version {versions[1]}",
        f"{comparison.pictures:,} test digits; above each: its class and what the other read",
        gains,
        evaluation.info.class_names,
        evaluation.info.note,
    )
    files = [folder / "comparison.json", folder / "disagreements.png"]
    write_json(
        files[0],
        {
            "candidate": versions[0],
            "champion": versions[1],
            "test_pictures": comparison.pictures,
            "only_candidate_right": comparison.only_candidate.tolist(),
            "only_champion_right": comparison.only_champion.tolist(),
            "test": P_VALUE_NAME,
            "p_value": comparison.p_value,
            "better": comparison.better,
        },
    )
    save_figure(figure, files[1])
    return files


def main() -> None:
    """Run from the command line."""
    run_tool(RegisterOptions, run, __doc__)


if __name__ == "__main__":
    main()
