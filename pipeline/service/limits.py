"""Keep one client from taking the memory or the time of the others."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Self

from starlette.responses import JSONResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

RETRY_AFTER = 1  # seconds
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What the service takes.

    Attributes:
        body_megabytes: Of one request.
        all_megabytes: Of all requests at once.
        body_seconds: From the first byte of a body to its last.
        waiting: Requests that may wait for a free core.
    """

    body_megabytes: int = 16
    all_megabytes: int = 128
    body_seconds: float = 20.0
    waiting: int = 64


class RefusedError(Exception):
    """A request is refused; the message says why in one line.

    Attributes:
        status: HTTP's status, 4xx or 503.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status

    def __reduce__(self) -> tuple[type[Self], tuple[int, str]]:
        """Return how it is made again in another process."""
        return type(self), (self.status, str(self))


def refusal(error: RefusedError) -> JSONResponse:
    """Return the response to a request that is refused."""
    headers = {"Retry-After": str(RETRY_AFTER)} if error.status == 503 else {}
    return JSONResponse({"error": str(error)}, error.status, headers)


class WholeBodies:
    """Receives each body whole before anything works on it; refuses large and slow ones."""

    def __init__(self, app: App, limits: Limits) -> None:
        """Stand before an application."""
        self._app = app
        self._limits = limits
        self._held = 0  # bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body, or refuse it."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            try:
                await self._receive(scope, receive, body)
            except RefusedError as error:
                await refusal(error)(scope, receive, send)
                return
            await self._app(scope, _replay(bytes(body), receive), send)
        finally:
            self._held -= len(body)

    async def _receive(self, scope: Scope, receive: Receive, body: bytearray) -> None:
        """Fill `body`.

        Raises:
            RefusedError: It is too large, too slow, or one too many.
        """
        limits = self._limits
        too_large = RefusedError(413, f"the body is larger than {limits.body_megabytes} MB")
        if _announced(scope) > limits.body_megabytes * MEGABYTE:
            raise too_large
        try:
            async with asyncio.timeout(limits.body_seconds):
                more = True
                while more:
                    chunk, more = await _next_part(receive)
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > limits.body_megabytes * MEGABYTE:
                        raise too_large
                    if self._held > limits.all_megabytes * MEGABYTE:
                        raise RefusedError(503, "too many pictures are being sent; try again")
        except TimeoutError:
            raise RefusedError(
                408, f"the body did not arrive within {limits.body_seconds:g} s"
            ) from None


def _announced(scope: Scope) -> int:
    """Return the bytes that a request says its body has; 0 if it does not say."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _next_part(receive: Receive) -> tuple[bytes, bool]:
    """Return the next part of a body, and whether more follow.

    Raises:
        RefusedError: The client is gone.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        raise RefusedError(400, "the body ended early")
    return message.get("body", b""), message.get("more_body", False)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body at once, and then what the client does."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
