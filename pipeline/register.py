"""The model registry: `python -m pipeline.register run=<run id | best>`, or `rollback=true`.

Registers a run's network as a version of the model `digits`. The alias `champion` moves to it only
if it reads the test part better than the champion does, by more than chance.
"""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.cli.command import run_tool
from pipeline.config.schema import Config, Options
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.significance import SIGNIFICANCE, Comparison, compare
from pipeline.digits.splits import Split, digest, load_split
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.system.errors import InputError
from pipeline.system.files import write_json
from pipeline.tracking.registry.candidates import Candidate
from pipeline.tracking.registry.registry import Registry

log = logging.getLogger(__name__)

STAGE = "register"


class RegisterOptions(Options):
    """Which run becomes a version, or whether the last change of champion is undone."""

    run: str | None = None
    rollback: bool = False


@dataclass(frozen=True)
class EvaluationSet:
    """The test part that networks are compared on.

    Attributes:
        info: The data it is a part of.
        test: Its pictures and their true classes.
    """

    info: DatasetInfo
    test: Split

    @classmethod
    def load(cls) -> Self:
        """Read the prepared test part."""
        return cls(DatasetInfo.load(), load_split(split_file("test")))

    def answers(self, network: Path) -> NDArray[np.int64]:
        """Let a network read every test picture; return the classes it answers, (n,).

        Raises:
            InputError: The network takes pictures of another size.
        """
        classifier = Classifier.load(network)
        if classifier.input_shape != self.test.images.shape[1:]:
            raise InputError(
                f"{network.stem}: takes pictures of {classifier.input_shape} pixels, those in "
                "data/prepared are others; prepare the data that both networks are for"
            )
        answers: NDArray[np.int64] = classifier.raw_probabilities(self.test.images).argmax(axis=1)
        return answers

    def is_fair(self, candidate: Candidate) -> bool:
        """Say whether a network is known to have been trained without these test pictures."""
        return candidate.unseen_test_digest == digest([self.test])


@dataclass(frozen=True)
class Verdict:
    """What was decided about a new version.

    Attributes:
        wins: Whether it becomes champion.
        decision: Which version is champion from now on, and why, in one line.
        plot: The artifact of the candidate's run that shows the comparison, if there was one.
    """

    wins: bool
    decision: str
    plot: str | None


def run(config: Config, options: RegisterOptions) -> None:
    """Register a run, or go back to the previous champion."""
    registry = Registry.open(config.tracking)
    if options.rollback:
        old, new = registry.champions.roll_back()
        log.info("champion is version %d again (was %d)", new, old)
    elif options.run:
        candidate = registry.candidates.find(options.run)
        register(registry, candidate, config.predict.unsure_below)
    else:
        raise InputError("say which: run=<MLflow run id>, run=best, or rollback=true")


def register(registry: Registry, candidate: Candidate, unsure_below: float) -> None:
    """Make a run's network a version, and the champion if it has earned it."""
    champion = registry.champions.current()
    # Read before anything is made: without the test part, nothing can be compared.
    evaluation = EvaluationSet.load() if champion else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network = registry.candidates.download(candidate, folder)
        version = registry.versions.find_or_create(candidate, network, unsure_below)
        if champion == version:
            log.info("champion is version %d, this very run, already", version)
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
    """Compare a candidate with the champion and record the comparison with the candidate's run.

    Args:
        registry: Where both are.
        evaluation: What they are compared on.
        candidate: The training that the new version comes from.
        network: Its ONNX file.
        versions: The numbers of candidate and champion.
        folder: A place for files.
    """
    version, champion = versions
    champions_network = registry.versions.download(champion, folder)
    answers = evaluation.answers(network), evaluation.answers(champions_network)
    comparison, fair = compare(evaluation.test.labels, *answers), evaluation.is_fair(candidate)
    files = report(evaluation, comparison, answers, versions, folder / "report")
    place = f"{STAGE}/version_{version}_against_{champion}"
    registry.candidates.add_files(candidate, files, place)
    return Verdict(
        wins=comparison.better and fair,
        decision=decide(comparison, version, champion, fair=fair),
        plot=f"{place}/{files[-1].name}",
    )


def decide(comparison: Comparison, candidate: int, champion: int, *, fair: bool) -> str:
    """Say in one line which version is champion from now on, and why."""
    gained, lost = len(comparison.only_candidate), len(comparison.only_champion)
    counts = (
        f"of {comparison.pictures:,} test digits it reads {gained:,} right that version "
        f"{champion} does not, and {lost:,} the other way round"
    )
    chance = f"McNemar's mid-p = {comparison.p_value:.2g}"
    if not comparison.significant:
        return (
            f"champion stays version {champion}: version {candidate} is no better than chance "
            f"explains; {counts} ({chance} ≥ {SIGNIFICANCE})"
        )
    chance = f"{chance} < {SIGNIFICANCE}"
    if not comparison.better:
        return (
            f"champion stays version {champion}: version {candidate} is worse; {counts} ({chance})"
        )
    if not fair:
        return (
            f"champion stays version {champion}: version {candidate} may have learnt from these "
            f"test digits; {counts} ({chance}), which proves nothing"
        )
    return f"champion is version {candidate} (was {champion}), which is better: {counts} ({chance})"


def report(
    evaluation: EvaluationSet,
    comparison: Comparison,
    answers: tuple[NDArray[np.int64], NDArray[np.int64]],
    versions: tuple[int, int],
    folder: Path,
) -> list[Path]:
    """Write the numbers of a comparison, and draw the pictures that only one of the two read right.

    Args:
        evaluation: What the networks were compared on.
        comparison: The outcome.
        answers: The classes that candidate and champion answered, (n,) each.
        versions: The numbers of candidate and champion.
        folder: Where the files go.

    Returns:
        comparison.json and the drawing.
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
        f"{comparison.pictures:,} test digits; over each: what it is, and what the other read",
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
            "mcnemar_mid_p": comparison.p_value,
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
