"""Deliver a journal to MLflow: each line once, though MLflow may be gone at any moment."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.system.errors import in_one_line
from pipeline.tracking.addresses import local_store
from pipeline.tracking.errors import is_forbidden, is_missing, is_temporary, reason, refusal
from pipeline.tracking.lookups import find_run
from pipeline.tracking.recording.journal import (
    LOCAL,
    Header,
    Taken,
    UnusableError,
    copied_file,
    header_of,
    is_abandoned,
    lines,
    note_taken,
    remove,
    set_aside,
)
from pipeline.tracking.recording.records import Finish, Record, Run

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

OpenStore = Callable[[Header, str], "MlflowClient"]
LONGEST_ERROR = 300  # characters


class RunGoneError(Exception):
    """The store no longer has the run of a journal."""


class Delivery:
    """The delivery of one journal, by the recorder process; what is delivered is noted beside it.

    Attributes:
        path: The journal.
        header: Its first line.
        end: The end of the last line delivered, in bytes.
    """

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            UnusableError: It is damaged.
        """
        header = header_of(path)
        if header is None:
            raise UnusableError("its first line is damaged")
        self.path = path
        self.header = header
        self._run: Run | None = None
        self.end = Taken.of(path).end

    @property
    def uri(self) -> str:
        """The store to deliver to."""
        return local_store() if self.path.parent.name == LOCAL else self.header.uri

    @property
    def ids(self) -> set[str]:
        """All known ids of the run and its parent."""
        run_id = Taken.of(self.path).run_id
        return self.header.opening.ids | ({run_id} if run_id else set())

    def advance(self, open_store: OpenStore, known: dict[str, str]) -> bool:
        """Deliver what has been written so far; return whether that was all of a run's records.

        Args:
            open_store: Opens a store, given the header and the address.
            known: MLflow's ids of the runs opened so far, by ours.

        Raises:
            UnusableError: MLflow refuses to open the run.
            Exception: MLflow does not answer, or fails for a while.
        """
        ended = is_abandoned(self.path)  # asked first: more may be written before it ends
        run = self._run = self._run or self._open(open_store, known)
        for content, end in lines(self.path, self.end):
            self._take(content, run)
            self._note(content, end)
        if not ended:
            return False
        taken = Taken.of(self.path)
        if not taken.is_finished:
            self._take(self._missing_end(run), run)
        if taken.tries > 1:
            self.header.opening.delete_copies(run.client, run.id)
        remove(self.path)
        return True

    def _note(self, content: Header | Record | None, end: int) -> None:
        if isinstance(content, Finish):
            note_taken(self.path, "done")
        note_taken(self.path, f"line {end}")
        self.end = end

    def _open(self, open_store: OpenStore, known: dict[str, str]) -> Run:
        """Open the run; one that was to be created before may be there, without our knowing."""
        client, opening = open_store(self.header, self.uri), self.header.opening
        taken = Taken.of(self.path)
        run_id = taken.run_id
        if run_id is None:
            note_taken(self.path, "try")
            try:
                run_id = opening.open(client, known, is_first_try=taken.tries == 0)
            except Exception as error:
                if is_temporary(error):
                    raise
                raise UnusableError(in_words(error)) from error
            note_taken(self.path, f"run {run_id}")
        known[opening.run_id] = run_id
        return Run(client, self.header.settings, run_id, partial(copied_file, self.path))

    def _take(self, content: Header | Record | None, run: Run) -> None:
        """Write a record to the run; what MLflow will never accept costs a warning."""
        name = self.header.opening.request.name
        if isinstance(content, Record):
            try:
                content.write(run)
            except Exception as error:
                self._start_over_if_gone(error, run)
                if is_temporary(error):
                    raise
                log.warning(
                    "MLflow could not record the %s (%s) of %s",
                    content.label, in_words(error), name,
                )  # fmt: skip
        elif content is None:
            log.warning("a damaged line of the journal of %s is left out of its run", name)

    def _start_over_if_gone(self, error: Exception, run: Run) -> None:
        """Deliver the whole journal again if the store was replaced by one without the run."""
        if (is_missing(error) or is_forbidden(error)) and find_run(run.client, run.id) is None:
            note_taken(self.path, "over")
            self._run, self.end = None, 0
            raise RunGoneError(f"the run {run.id} is gone") from error

    def _missing_end(self, run: Run) -> Finish:
        """Return the end of a run whose writer was killed, perhaps while it wrote a line."""
        state = self.path.stat()
        if state.st_size > self.end:
            self._take(None, run)
        return Finish(None if self.header.opening.kind == "reopened" else "KILLED", state.st_mtime)


def give_up(journal: Path, error: UnusableError) -> None:
    """Set a journal aside that cannot be delivered, and say so."""
    with suppress(FileNotFoundError):  # it was removed by hand
        log.warning(
            "a journal cannot be recorded (%s); it is kept as %s", error, set_aside(journal)
        )


def in_words(error: Exception) -> str:
    """Return an error in one line, without its SQL statement."""
    return refusal(error) or in_one_line(f"{type(error).__name__}: {reason(error, LONGEST_ERROR)}")
