"""Send the records of a run to the recorder process: one by one, or all of them at the end.

There are two senders because they wait for different things. Most stages need the id of their run,
which only MLflow can give. The first stage of a pipeline does not, and waiting for MLflow to start
would take longer than the rest of the stage.
"""

import logging

from pipeline.tracking.recording.channel import (
    RecordingError,
    ensure_server,
    exchange,
    open_connection,
)
from pipeline.tracking.recording.messages import Answer, Open, WholeRun
from pipeline.tracking.recording.records import File, FileContent, Record

log = logging.getLogger(__name__)


class LiveSender:
    """Sends each record at once and waits until it is written.

    Attributes:
        run_id: The id of the run.
    """

    def __init__(self, request: Open) -> None:
        """Connect to the recorder process, starting it if necessary, and open the run.

        Raises:
            RecordingError: Either failed.
        """
        self._connection, answer = open_connection(request)
        self.run_id = _checked(answer).run_id

    def send(self, record: Record) -> None:
        """Send a record and wait until it is written.

        Raises:
            RecordingError: MLflow rejected it, or the recorder process is gone.
        """
        _checked(exchange(self._connection, record))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class DeferredSender:
    """Keeps all records until it is closed, then hands them over without waiting for MLflow.

    Problems with them are reported to the next stage that records something.

    Attributes:
        run_id: Empty: only the recorder process knows it.
    """

    def __init__(self, request: Open) -> None:
        """Start the recorder process if it is not running.

        Raises:
            RecordingError: It does not start.
        """
        self.run_id = ""
        self._request = request
        self._records: list[Record] = []
        ensure_server()

    def send(self, record: Record) -> None:
        """Keep a record; keep the content of a file, since DVC may move the file.

        Raises:
            OSError: The file cannot be read.
        """
        self._records.append(FileContent.of(record) if isinstance(record, File) else record)

    def close(self) -> None:
        """Hand the run over.

        Raises:
            RecordingError: The recorder process could not be reached.
        """
        connection, _ = open_connection(WholeRun(self._request, tuple(self._records)))
        connection.close()


Sender = LiveSender | DeferredSender


def _checked(answer: Answer) -> Answer:
    """Log the warnings of an answer, and raise its error."""
    for warning in answer.warnings:
        log.warning(warning)
    if answer.error:
        raise RecordingError(answer.error)
    return answer
