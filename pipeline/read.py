"""Read digits from pictures: `digits read seven.png FOLDER … [mode=number]`.

Prints a table, and which network read: the one in models/, which the last `dvc repro` made, unless
`network=…` names another. Writes nothing. `digits predict-custom` reads many pictures into files,
with plots.
"""

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.cli.command import run_tool
from pipeline.cli.messages import ends_quietly_without_reader, printable
from pipeline.config.schema import Config, Options
from pipeline.digits.inference.classifier import TITLE, Classifier, open_network
from pipeline.digits.preprocessing.decoding import read_picture
from pipeline.digits.preprocessing.finding import find_at
from pipeline.digits.recognition.digit import recognise
from pipeline.digits.recognition.lines.reader import LineReader
from pipeline.digits.recognition.number import recognise_numbers
from pipeline.inventory.digests import expect_unchanged
from pipeline.inventory.readers import CHAMPION, LINES, LOCAL, NAMES, find_reader, lines_network
from pipeline.plots.style.numbers import confidence_percent, percent
from pipeline.stages.prediction_files import Answer
from pipeline.system.errors import InputError
from pipeline.system.files import is_there, typed_path
from pipeline.tracking.registry.fetching import Fetched

log = logging.getLogger(__name__)


class ReadOptions(Options):
    """What the pictures hold, which network reads, and whether to show the pictures."""

    mode: Literal["digit", "number"] = Field(
        "digit",
        description="What a picture holds: one digit, or any number of them, in lines, which a "
        "network of its own reads.",
    )
    network: str | int = Field(LOCAL, description=NAMES)
    show: bool = Field(
        False, description="Whether to show each picture in a window, with the answer above it."
    )


def run(config: Config, options: ReadOptions, places: Sequence[str]) -> None:
    """Read pictures and print a table of the answers.

    Args:
        config: The thresholds below which an answer is unsure, and where runs are recorded.
        options: What the pictures hold, which network reads, and whether to show the pictures.
        places: Pictures and folders of pictures, as typed.

    Raises:
        InputError: There is no picture, no such network or no display, or no picture can be read.
    """
    if not places:
        raise InputError("no picture given; name some, or a folder: `digits read seven.png scans`")
    if options.show:
        _expect_display()
    found = [path for place in places for path in find_at([typed_path(place)])[1]]
    paths = list(dict.fromkeys(found))
    network = _network(config, options)
    with ends_quietly_without_reader():
        read = _print_table(paths, _answers(config, network, paths), options)
        print(f"read by {_in_words(network, str(options.network))}")
    if not read:
        raise InputError("none of the pictures could be read; the last column says why")


def _print_table(paths: Sequence[Path], answers: Iterable[Answer], options: ReadOptions) -> int:
    """Print a row for each picture as it is read; return how many could be read."""
    width = max(len(printable(str(path))) for path in paths)
    print(_line(width, "file", options.mode, "confidence", "status", "reason"))
    read = 0
    for path, answer in zip(paths, answers, strict=True):
        print(_row(width, path, answer), flush=True)
        if answer.status != "error":
            read += 1
            if options.show:
                _show(path, answer)
    return read


def _network(config: Config, options: ReadOptions) -> Fetched:
    name = str(options.network)
    if options.mode == "number":
        if name != LOCAL:
            raise InputError(f"network={name}: reads single digits; leave it out with mode=number")
        network = lines_network()
    else:
        network = find_reader(config.tracking, name)
    if network.name in (LOCAL, LINES):
        expect_unchanged(network.file)
    return network


def _answers(config: Config, network: Fetched, paths: Sequence[Path]) -> Iterator[Answer]:
    settings, files = config.predict, [path.absolute() for path in paths]
    root = Path(os.path.commonpath([file.parent for file in files]))
    if network.name == LINES:
        below, lines = settings.unsure_numbers_below, LineReader.load(network.file)
        return recognise_numbers(
            files, root, lines, unsure_below=below, chunk_size=settings.chunk_size
        )
    below, classifier = settings.unsure_below, Classifier.load(network.file)
    return recognise(files, root, classifier, unsure_below=below, chunk_size=settings.chunk_size)


def _row(width: int, path: Path, answer: Answer) -> str:
    read = answer.digit is not None
    digit = str(answer.digit) if read else "–"
    confidence = confidence_percent(answer.confidence) if read else "–"
    return _line(width, printable(str(path)), digit, confidence, answer.status, answer.detail)


def _line(width: int, file: str, digit: str, confidence: str, status: str, reason: str) -> str:
    return f"{file:<{width}}  {digit:<6}  {confidence:>10}  {status:<6}  {reason}".rstrip()


def _in_words(network: Fetched, asked: str) -> str:
    """Return which network reads: what was trained, its name, its MLflow run, how good it is."""
    alias = CHAMPION if asked == CHAMPION else asked.partition("@")[2]
    names = [name for name in (network.name, alias) if name and name != network.run_id]
    title = open_network(network.file)[1].get(TITLE, f"the network in {network.file}")
    name = f" ({', '.join(names)})" if names else ""
    run = f", MLflow run {network.run_id}" if network.run_id else ""
    accuracy = network.test_accuracy
    score = f", {percent(accuracy)} of the test digits right" if accuracy is not None else ""
    return f"{title}{name}{run}{score}"


def _expect_display() -> None:
    from pipeline.plots.window import open_toolkit

    if not open_toolkit():
        raise InputError("show=true: there is no display here, or no toolkit that opens windows")


def _show(path: Path, answer: Answer) -> None:
    """Show a picture with its answer above it, until its window is closed."""
    from pipeline.plots.window import show_picture

    read = "no digit" if answer.digit is None else str(answer.digit)
    detail = f"{answer.status}: {answer.detail}" if answer.detail else answer.status
    words = f"{confidence_percent(answer.confidence)}, {detail}"
    show_picture(read_picture(path).pixels, read, words, str(path))


def main() -> None:
    """Run from the command line; what is no setting and no flag is a picture or a folder."""
    places = [each for each in sys.argv[1:] if _is_place(each)]
    others = [each for each in sys.argv[1:] if each not in places]
    run_tool(ReadOptions, lambda config, own: run(config, own, places), __doc__, others)


def _is_place(argument: str) -> bool:
    if argument.startswith("-"):
        return False
    return "=" not in argument or is_there(argument)


if __name__ == "__main__":
    main()
