"""Renew the figures that README.md and docs/ quote: `python -m benchmarks.quoting [--check]`.

A quoted figure stands between two comments, which no reader sees:

    <!--quote default: test accuracy-->99.15 % (99.09 to 99.21)<!--end-->

names a row of benchmarks/results.md by its beginning. The words are the author's; the numbers are
replaced, one by one, by those of the row's result, rounded to as many decimals. Brackets at the end
say which numbers, or which other column, and what to multiply or divide by:

    <!--quote serving 28 px PNGs: requests [5 6]-->1,069 against 209<!--end--> requests a second
    <!--quote mlp_best: seconds [1 /60]-->5<!--end--> minutes
    <!--quote default: test accuracy [date]-->2026-11-29<!--end-->
    <!--quote reports/evaluate.json test_accuracy [*100]-->99.21 %<!--end-->

The last one is a key of a JSON file. A line cannot begin with such a comment: what follows would
no longer be part of the paragraph. --check changes nothing, and fails if a figure differs.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from pipeline.config.places import ROOT

RESULTS = "benchmarks/results.md"
QUOTED = re.compile(r"<!--quote\s(?P<source>.*?)-->(?P<text>.*?)<!--end-->", re.DOTALL)
MARKER = re.compile(r"<!--\s*(?:quote|end)\b")
AT_THE_START = re.compile(r"^ {0,3}<!--quote\b", re.MULTILINE)
SOURCE = re.compile(r"(?P<name>.*?)(?: \[(?P<options>[^\]]*)\])?$")
OPTIONS = re.compile(r"(?P<which>date|command|[\d ]*?) ?(?:(?P<sign>[*/])(?P<factor>[\d.]+))?$")
NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")


class QuoteError(Exception):
    """A marker names nothing that can be quoted; the message says what to change."""


@dataclass(frozen=True)
class Finding:
    """A figure in a text that is not what it quotes, or quotes nothing.

    Attributes:
        place: The file and the line, as in "README.md:3".
        message: What is wrong, in one line.
    """

    place: str
    message: str


def main() -> None:
    """Renew the figures, or check them; name each that differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing, fail if one differs")
    check = parser.parse_args().check
    findings = []
    for path in documents(ROOT):
        text = path.read_text(encoding="utf-8")
        renewed, found = quoted_anew(text, ROOT, path.relative_to(ROOT).as_posix(), check)
        findings += found
        if renewed != text:
            path.write_text(renewed, encoding="utf-8")
            print(f"{path.relative_to(ROOT).as_posix()}: figures renewed")
    for finding in findings:
        print(f"{finding.place}: {finding.message}", file=sys.stderr)
    if findings:
        raise SystemExit(f"error: {len(findings)} quoted figures need a look")


def documents(root: Path) -> list[Path]:
    """Return the texts that quote figures."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def quoted_anew(text: str, root: Path, name: str, check: bool) -> tuple[str, list[Finding]]:
    """Return a text with its figures renewed, and what is wrong with those that cannot be.

    Args:
        text: A document.
        root: The project, with what is quoted.
        name: The document's name, for the messages.
        check: Whether to leave figures that differ as they are, and to report them.
    """
    findings: list[Finding] = []

    def report(position: int, message: str) -> None:
        findings.append(Finding(f"{name}:{text.count(chr(10), 0, position) + 1}", message))

    def replaced(match: re.Match[str]) -> str:
        source = " ".join(match["source"].split())
        try:
            renewed = with_figures_of(match["text"], source, root)
        except QuoteError as error:
            report(match.start(), str(error))
            return match[0]
        if check and renewed != match["text"]:
            report(match.start(), f"{match['text']!r} should be {renewed!r} ({source})")
            return match[0]
        return match[0].replace(f"-->{match['text']}<", f"-->{renewed}<")

    for start in AT_THE_START.finditer(text):
        report(start.start(), "a line begins with a marker; move a word before it")
    rest = QUOTED.sub(lambda match: " " * len(match[0]), text)
    for unpaired in MARKER.finditer(rest):
        report(unpaired.start(), "a marker without its pair: <!--quote SOURCE-->FIGURE<!--end-->")
    return QUOTED.sub(replaced, text), findings


def with_figures_of(text: str, source: str, root: Path) -> str:
    """Return a quoted text with the figures of its source.

    Raises:
        QuoteError: There is no such source, or it has fewer figures than the text.
    """
    parts = SOURCE.match(source)
    assert parts
    options = OPTIONS.match(parts["options"] or "")
    if not options:
        raise QuoteError(f"[{parts['options']}] is not date, command, positions, * or / a number")
    column = options["which"] if options["which"] in ("date", "command") else "result"
    value = looked_up(parts["name"], column, root)
    if column != "result":
        return value
    figures = [Decimal(each.replace(",", "")) for each in NUMBER.findall(value)]
    positions = [int(each) for each in options["which"].split()] or range(1, len(figures) + 1)
    if any(not 1 <= each <= len(figures) for each in positions):
        raise QuoteError(f"{options['which']}: {parts['name']} has {len(figures)} figures: {value}")
    scaled = _scale(options["sign"], options["factor"])
    chosen = iter([scaled(figures[each - 1]) for each in positions])
    try:
        return NUMBER.sub(lambda match: _written_as(match[0], next(chosen)), text)
    except StopIteration:
        raise QuoteError(f"{text!r} has more figures than {parts['name']}: {value}") from None


def looked_up(name: str, column: str, root: Path) -> str:
    """Return what stands in a row and column of the table, or at a key of a JSON file.

    Raises:
        QuoteError: There is no such row or key, or several rows begin like this.
    """
    file, _, key = name.partition(" ")
    if file.endswith(".json"):
        return _value_at(root / file, file, key)
    rows = (root / RESULTS).read_text(encoding="utf-8").splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows if row.startswith("| ")]
    found = [each for each in cells if each[0] == name] or [
        each for each in cells if each[0].startswith(name)
    ]
    if len(found) != 1:
        many = f"{len(found)} rows of {RESULTS} begin" if found else f"no row of {RESULTS} begins"
        raise QuoteError(f"{many} with {name!r}")
    return found[0][("what", "result", "command", "date").index(column)]


def _value_at(path: Path, file: str, key: str) -> str:
    """Return a number of a JSON file, keys of nested objects being joined by dots."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        for part in key.split("."):
            value = value[part]
        return f"{Decimal(str(value)):f}"
    except FileNotFoundError:
        raise QuoteError(f"there is no {file}") from None
    except (KeyError, TypeError, ArithmeticError):
        raise QuoteError(f"{file} has no number {key!r}") from None


def _scale(sign: str | None, factor: str | None) -> Callable[[Decimal], Decimal]:
    """Return what multiplies or divides a figure."""
    by = Decimal(factor or 1)
    return (lambda figure: figure / by) if sign == "/" else (lambda figure: figure * by)


def _written_as(old: str, figure: Decimal) -> str:
    """Return a figure with as many decimals as another one, and commas between thousands."""
    decimals = len(old.partition(".")[2])
    return f"{figure.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):,}"


if __name__ == "__main__":
    main()
