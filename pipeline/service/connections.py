"""Connections that send nothing are closed, so that they do not use up all sockets."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 15.0


class PromptConnection(HttpToolsProtocol):
    """Closes a connection whose first request has not begun in time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self.loop.call_later(HEADER_SECONDS, self._close_if_silent)

    @property
    def begun(self) -> bool:
        """Whether a whole head of a request has arrived."""
        return bool(self.cycle)

    def _close_if_silent(self) -> None:
        if not self.begun and not self.transport.is_closing():
            self.transport.close()
