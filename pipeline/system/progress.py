"""Show progress for everything that takes longer than two seconds.

On a terminal, progress is a bar with the time left. Elsewhere, it is plain lines in the log: one
for each step with a text, and at most one every ten seconds for steps without. The environment
variable DIGITS_PROGRESS=0 turns both off.
"""

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Never, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

log = logging.getLogger(__name__)

Item = TypeVar("Item")

SWITCH = "DIGITS_PROGRESS"
BYTES = "B"  # the unit that is shown in MB
SHOW_AFTER = 2.0  # seconds before `track` shows anything
SECONDS_PER_LINE = 10.0
SECONDS_PER_DETAIL = 60.0


class Progress:
    """Counts steps; this base class shows nothing.

    Attributes:
        done: How many steps are done.
    """

    def __init__(self) -> None:
        self.done = 0

    def step(self, text: str = "", by: int = 1) -> None:
        """Count finished steps and show the count.

        Args:
            text: What to show beside the count, such as the loss of an epoch. Off a terminal, each
                step with a text gets its own line.
            by: How many steps.
        """
        self.done += by
        self._show(text, by)

    def detail(self, text: str) -> None:
        """Show how far the present step is. Off a terminal, at most one such line every minute."""

    def _show(self, text: str, by: int) -> None:
        pass


@contextmanager
def progress(total: int, unit: str, what: str = "", *, after: float = 0.0) -> Iterator[Progress]:
    """Show the progress of a number of steps while the block runs.

    Args:
        total: The largest possible number of steps; 0 if unknown.
        unit: What a step is, in the singular, such as "epoch"; "B" for bytes.
        what: What the steps belong to, such as the name of a file.
        after: Seconds to wait before showing anything.
    """
    if os.environ.get(SWITCH) == "0":
        yield Progress()
    elif sys.stderr.isatty():
        with _bar(total, unit, what, after) as bar:
            yield _Bar(bar)
    else:
        yield _Lines(total, unit, what)


def track(items: Iterable[Item], total: int, unit: str, what: str = "") -> Iterator[Item]:
    """Yield the items, and show their progress once it has taken two seconds."""
    with progress(total, unit, what, after=SHOW_AFTER) as shown:
        for item in items:
            yield item
            shown.step()


@contextmanager
def _bar(total: int, unit: str, what: str, after: float) -> "Iterator[tqdm[Never]]":
    # Imported late: most commands show no bar.
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    bar = tqdm(
        total=total or None,
        unit=unit,
        unit_scale=unit == BYTES,
        desc=what or None,
        delay=after,
        dynamic_ncols=True,
    )
    # Log messages go above the bar instead of into it.
    with bar, logging_redirect_tqdm():
        yield bar


class _Bar(Progress):
    def __init__(self, bar: "tqdm[Never]") -> None:
        super().__init__()
        self.bar = bar

    def detail(self, text: str) -> None:
        self.bar.set_postfix_str(text)

    def _show(self, text: str, by: int) -> None:
        if text:
            self.bar.set_postfix_str(text, refresh=False)
        self.bar.update(by)


class _Lines(Progress):
    def __init__(self, total: int, unit: str, what: str) -> None:
        super().__init__()
        self.total, self.unit, self.what = total, unit, what
        self.started = self.last_line = time.monotonic()

    def detail(self, text: str) -> None:
        now = time.monotonic()
        if now - self.last_line >= SECONDS_PER_DETAIL:
            self.last_line = now
            log.info("%s: %s", f"{self.unit} {self.done + 1}/{self.total}", text)

    def _show(self, text: str, by: int) -> None:
        now = time.monotonic()
        if text or now - self.last_line >= SECONDS_PER_LINE:
            self.last_line = now
            parts = [self.what, self._count() + ("" if text else self._left(now)), text]
            log.info("%s", ": ".join(part for part in parts if part))

    def _count(self) -> str:
        if self.unit == BYTES:
            total = f"/{self.total / 1e6:.1f}" if self.total else ""
            return f"{self.done / 1e6:.1f}{total} MB"
        return f"{self.unit} {self.done}" + (f"/{self.total}" if self.total else "")

    def _left(self, now: float) -> str:
        if not self.total:
            return ""
        seconds = (now - self.started) * (self.total - self.done) / self.done
        return f", about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Format a duration in its largest unit, such as "12 min"."""
    for length, name in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} s"
