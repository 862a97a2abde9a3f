"""Which network answers: the champion, the one in models/, or one that a request names.

MLflow takes seconds to import and a quarter of a gigabyte, so a process of its own asks the
registry. The champion it last named is remembered on disk: the service starts with that one, and
goes on with it while the registry does not answer.
"""

import json
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from threading import Lock
from typing import TypeVar

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree
from pipeline.digits.inference.classifier import TITLE, Classifier, open_network
from pipeline.digits.inference.drift import Reference
from pipeline.inventory.readers import CHAMPION, LOCAL, lines_network, local_network
from pipeline.service.reading import NetworkFile
from pipeline.system.errors import InputError
from pipeline.system.files import write_json
from pipeline.system.machine import end_with_parent
from pipeline.tracking.registry.fetching import (
    CACHE_NAME,
    Fetched,
    fetch_any,
    fetch_champion,
    list_versions,
)

log = logging.getLogger(__name__)

Result = TypeVar("Result")

REMEMBERED_NAME = "champion.json"
KEPT_OPEN = 8  # networks that requests have named


@dataclass(frozen=True)
class Network:
    """A network that can answer.

    Attributes:
        name: `models:/digits/3`, an MLflow run's id, `local` or `lines`.
        run_id: The MLflow run of its training; None if unknown.
        test_accuracy: Its share of the test set read right, 0..1; None if unknown.
        title: What was trained; None in old files.
        reference: What the pictures it was trained on are like; None in old files.
        file: Its ONNX file.
    """

    name: str
    run_id: str | None
    test_accuracy: float | None
    title: str | None
    reference: Reference | None
    file: NetworkFile


Check = Callable[[Fetched, NetworkFile], Network]


class Networks:
    """Opens networks, each once, and knows the one that answers if a request names none."""

    def __init__(self, settings: Tracking, model: str = CHAMPION) -> None:
        """Open nothing yet; `refresh` does.

        Args:
            settings: Where the registry is.
            model: The network to answer with, named as in a request.
        """
        self.current: Network | None = None
        self._settings = settings
        self._model = model
        self._opened: OrderedDict[tuple[str, NetworkFile], Network] = OrderedDict()
        self._known: dict[str, Fetched] = {}
        self._lock = Lock()
        self._registry = _process()
        self._is_silent = False

    def remember(self) -> None:
        """Answer with the champion of last time until the registry names the one of today.

        If there was none, the network in models/ answers.
        """
        if self._model != CHAMPION or not self._settings.enabled:
            return
        try:
            kept = json.loads(_remembered().read_text(encoding="utf-8"))
            if kept["name"] == LOCAL:
                self.current = self._open(local_network())
            else:
                self.current = self._open(Fetched(**{**kept, "file": home() / kept["file"]}))
        except (OSError, ValueError, TypeError, KeyError, InputError):
            return  # the registry will tell

    def refresh(self) -> None:
        """Find out which network answers from now on; the old one stays if there is no answer.

        Raises:
            InputError: There is none at all.
        """
        try:
            self.current = self.named(self._model)
            self._is_silent = False
        except InputError as error:
            if self.current is None:
                raise
            if not self._is_silent:
                log.warning("%s; answering with %s meanwhile", error, self.current.name)
            self._is_silent = True

    def named(self, name: str) -> Network:
        """Return a network by its name: champion, local, a version's number or address, a run's id.

        Raises:
            InputError: There is no such network, or the registry does not answer.
        """
        if name == LOCAL:
            return self._open(local_network())
        if name != CHAMPION:
            return self._open(self._fetched(name))
        champion = self._ask(fetch_champion) if self._settings.enabled else None
        if champion is None:
            _keep({"name": LOCAL})
            return self._open(local_network())
        opened = self._open(champion)
        place = str(champion.file.relative_to(home()))  # the project may be moved
        _keep({**asdict(champion), "file": place})
        return opened

    def names(self) -> list[str]:
        """Return the names of all networks but the runs.

        Raises:
            InputError: The registry does not answer.
        """
        versions = self._ask(list_versions) if self._settings.enabled else []
        return [*([CHAMPION] if versions else []), *versions, LOCAL]

    def lines(self) -> Network:
        """Return the network that reads whole numbers.

        Raises:
            InputError: There is none.
        """
        return self._open(lines_network(), _lines_network)

    def close(self) -> None:
        """End the process that asks the registry."""
        self._registry.shutdown(wait=False, cancel_futures=True)

    def _ask(self, question: Callable[..., Result], *arguments: object) -> Result:
        """Have the registry's process answer; start another one if it was killed."""
        try:
            return self._registry.submit(question, self._settings, *arguments).result()
        except BrokenProcessPool as error:
            self._registry = _process()
            raise InputError("the process that asks the registry was killed") from error

    def _fetched(self, name: str) -> Fetched:
        """Fetch a network; ask only once for one whose name always means the same."""
        if (known := self._known.get(name)) and known.file.is_file():
            return known
        found = self._ask(fetch_any, name)
        if "@" not in name:
            self._known[name] = found
        return found

    def _open(self, found: Fetched, check: Check | None = None) -> Network:
        """Return a network that was found, after making sure once that it can be used."""
        file = NetworkFile(found.file, _stamp(found.file))
        key = found.name, file
        with self._lock:
            if key not in self._opened:
                self._opened[key] = (check or _digit_network)(found, file)
            self._opened.move_to_end(key)
            while len(self._opened) > KEPT_OPEN:
                self._opened.popitem(last=False)
            return self._opened[key]


def _digit_network(found: Fetched, file: NetworkFile) -> Network:
    network = Classifier.load(found.file, threads=1)
    about = found.name, found.run_id, found.test_accuracy
    return Network(*about, network.title, network.reference, file)


def _lines_network(found: Fetched, file: NetworkFile) -> Network:
    title = open_network(found.file)[1].get(TITLE)
    return Network(found.name, found.run_id, found.test_accuracy, title, None, file)


def _process() -> ProcessPoolExecutor:
    # Not forked: threads of this process hold locks.
    return ProcessPoolExecutor(1, get_context("spawn"), end_with_parent)


def _keep(champion: Tree) -> None:
    _remembered().parent.mkdir(exist_ok=True)
    write_json(_remembered(), champion)


def _remembered() -> Path:
    return home() / CACHE_NAME / REMEMBERED_NAME


def _stamp(file: Path) -> int:
    """Return when a file was written, in nanoseconds; 0 if it is not there."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
