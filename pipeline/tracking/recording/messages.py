"""The messages between stages and the recorder process.

A stage sends either an `Open` and then one record after another, and gets an `Answer` to each; or
it sends a `WholeRun`, and gets an `Answer` as soon as that has arrived.
"""

from dataclasses import dataclass

from pipeline.config.schema import Tracking
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.recording.records import Record


@dataclass(frozen=True)
class Open:
    """The request to find or create a run.

    Attributes:
        uri: The store that holds it, as MLflow names stores.
        settings: Where runs of this project are recorded.
        opening: How to find or create the run.
    """

    uri: str
    settings: Tracking
    opening: Opening


@dataclass(frozen=True)
class WholeRun:
    """A run with all its records, handed over by a stage that does not wait for MLflow."""

    open: Open
    records: tuple[Record, ...]


Message = Open | Record | WholeRun


@dataclass(frozen=True)
class Answer:
    """The answer to a message.

    Attributes:
        run_id: The open run's id; empty if there is none.
        error: Why the request failed, in one line, or None.
        warnings: What else went wrong, here or with a run that an earlier stage handed over.
        is_final: Whether the request is done; otherwise another answer follows.
    """

    run_id: str = ""
    error: str | None = None
    warnings: tuple[str, ...] = ()
    is_final: bool = True
