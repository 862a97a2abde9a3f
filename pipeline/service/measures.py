"""What the service counts, for Prometheus."""

import math
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pipeline.digits.inference.drift import Window
from pipeline.service.limits import App, Message, Receive, Scope, Send
from pipeline.service.networks import Network

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

WINDOW = 200
"""So many pictures, the last ones, are compared with the training data."""


class Measures:
    """Requests, answers and seconds since the start."""

    def __init__(self) -> None:
        """Count from zero."""
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "digits_requests", "Requests by path and HTTP status", ["path", "status"],
            registry=self._registry,
        )  # fmt: skip
        self.pictures = Counter(
            "digits_pictures", "Pictures read, by status", ["status"], registry=self._registry
        )
        self.seconds = Histogram(
            "digits_request_seconds", "Seconds from a request to its answer",
            registry=self._registry, buckets=SECONDS,
        )  # fmt: skip
        self.network = Gauge(
            "digits_network_info", "The network that answers now", ["name", "run_id"],
            registry=self._registry,
        )  # fmt: skip

        self.drift = Gauge(
            "digits_drift_p_value",
            "Probability that the last pictures are of the training data's kind; NaN if unknown",
            registry=self._registry,
        )
        self.drift.set_function(self._drift_p_value)
        self._watched: tuple[Network, Window] | None = None

    def window(self, network: Network) -> Window:
        """Return the window on what a network reads; another one begins anew."""
        if self._watched is None or self._watched[0] is not network:
            self._watched = network, Window(network.reference, WINDOW)
        return self._watched[1]

    def _drift_p_value(self) -> float:
        found = self._watched[1].compare() if self._watched else None
        return found.p_value if found else math.nan

    def name_network(self, name: str, run_id: str | None) -> None:
        """Say which network answers now."""
        self.network.clear()
        self.network.labels(name, run_id or "").set(1)

    def text(self) -> bytes:
        """Return all in Prometheus's text format."""
        return generate_latest(self._registry)


class Counted:
    """Counts the requests to an application, and how long each took."""

    def __init__(self, app: App, measures: Measures) -> None:
        """Stand before an application."""
        self._app = app
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it once it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            route = scope.get("route")  # any address may be asked for: only ours are counted apart
            self._measures.requests.labels(route.path if route else "other", status).inc()
            self._measures.seconds.observe(time.perf_counter() - start)
