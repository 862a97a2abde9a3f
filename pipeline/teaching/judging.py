"""Judge a taught network beside the one it comes from."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.significance import P_VALUE_NAME, SIGNIFICANCE, Comparison, compare
from pipeline.digits.splits import Split
from pipeline.system.errors import InputError


@dataclass(frozen=True)
class Progress:
    """What teaching changed on some pictures.

    Attributes:
        pictures: How many there are.
        before: How many the parent reads right.
        after: How many the taught network does.
        comparison: Whether the difference is more than chance.
    """

    pictures: int
    before: int
    after: int
    comparison: Comparison

    def in_words(self, what: str) -> str:
        """Say it in one line.

        Args:
            what: The pictures, such as "corrections held back".
        """
        comparison = self.comparison
        word = "no more than chance"
        if comparison.significant:
            word = "better" if comparison.better else "worse"
        sign = "<" if comparison.significant else "≥"
        return (
            f"of {self.pictures:,} {what}, {self.before:,} were read right before and "
            f"{self.after:,} are now: {word} ({P_VALUE_NAME} = {comparison.p_value:.2g} {sign} "
            f"{SIGNIFICANCE})"
        )


@dataclass(frozen=True)
class Verdict:
    """What teaching brought on the corrections held back, and on the test set."""

    held_back: Progress
    test: Progress

    @property
    def wins(self) -> bool:
        """Whether it reads the corrections better and the test set no worse."""
        test = self.test.comparison
        return self.held_back.comparison.better and (test.better or not test.significant)

    def decide(self, version: int, champion: int | None) -> str:
        """Return in one line which version is champion from now on, and why.

        Args:
            version: The taught network.
            champion: The champion so far; None if there is none.
        """
        if self.wins:
            before = f"was {champion}" if champion else "the first one"
            return (
                f"champion is version {version} ({before}): it reads corrections better, the test "
                "set no worse"
            )
        why = "reads the corrections held back no better by more than chance"
        if self.held_back.comparison.better:
            why = "reads the test set worse"
        stays = f"champion stays version {champion}" if champion else "there is no champion yet"
        return f"{stays}: version {version} {why}"


def judge(parent: Path, taught: Path, held_back: Split, test: Split) -> Verdict:
    """Compare two networks, given by their ONNX files."""
    networks = Classifier.load(parent), Classifier.load(taught)
    return Verdict(*(_progress(*networks, pictures) for pictures in (held_back, test)))


def _progress(parent: Classifier, taught: Classifier, pictures: Split) -> Progress:
    if parent.input_shape != pictures.images.shape[1:]:
        raise InputError(
            f"the network takes pictures of {parent.input_shape} pixels, unlike the corrections"
        )
    before, after = (
        network.raw_probabilities(pictures.images).argmax(axis=1) for network in (parent, taught)
    )
    labels = pictures.labels
    return Progress(
        pictures=len(labels),
        before=int((before == labels).sum()),
        after=int((after == labels).sum()),
        comparison=compare(labels, after, before),
    )
