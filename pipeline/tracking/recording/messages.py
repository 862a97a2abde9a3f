"""What stages and the recorder process say to each other.

A stage sends either an `Open` and then one record after another, each of which gets an `Answer`, or
a whole run at once, which gets one as soon as it has arrived.
"""

from dataclasses import dataclass

from pipeline.config.schema import Tracking
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.recording.records import Record


@dataclass(frozen=True)
class Open:
    """The request to find or make a run.

    Attributes:
        uri: The store that holds it, as MLflow names stores.
        settings: Where runs of this project are recorded.
        opening: Which run.
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
    """What came of a message.

    Attributes:
        run_id: The open run's id; empty if there is none.
        error: Why the message could not be dealt with, in one line, or None.
        warnings: What went wrong besides, here or in what an earlier stage handed over.
    """

    run_id: str = ""
    error: str | None = None
    warnings: tuple[str, ...] = ()
