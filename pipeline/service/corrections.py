"""Keep what people say of wrong answers: a picture, and the digit that it shows.

A picture lies at DIGIT/SHA-256.ENDING below data/corrections/; `digits teach` learns from what
is there.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from PIL import Image
from pydantic import BaseModel, Field

from pipeline.digits.preprocessing.decoding import FORMATS, decode
from pipeline.digits.preprocessing.normalise import decode_and_normalise
from pipeline.digits.recognition.digit import why_unread
from pipeline.service.answers import Refusal
from pipeline.service.limits import MEGABYTE, RefusedError
from pipeline.service.reading import Workers
from pipeline.system.errors import in_one_line
from pipeline.system.files import replace_when_written

ENDINGS = {
    "PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp",
}  # fmt: skip
MOST_PICTURES = 10_000
MOST_MEGABYTES = 1024
FULL = 507  # HTTP's "Insufficient Storage"


class Correction(BaseModel):
    """A picture that is kept, and the digit that it shows."""

    id: str = Field(description="SHA-256 of the picture file")
    digit: int


class Corrections:
    """The pictures below a folder, each once."""

    def __init__(
        self, folder: Path, most_pictures: int = MOST_PICTURES, most_megabytes: int = MOST_MEGABYTES
    ) -> None:
        """Create nothing yet.

        Args:
            folder: Where the pictures are kept.
            most_pictures: How many may be kept.
            most_megabytes: How much room they may take together.
        """
        self._folder = folder
        self._most_pictures = most_pictures
        self._most_megabytes = most_megabytes
        self._lock = Lock()

    def keep(self, content: bytes, digit: int, ending: str) -> Correction:
        """Keep a picture; one that is kept for another digit already moves.

        Args:
            content: The file's content.
            digit: What it shows.
            ending: As `ending_of` returns it.

        Raises:
            RefusedError: There is no room.
        """
        name = hashlib.sha256(content).hexdigest()
        place = self._folder / str(digit) / f"{name}{ending}"
        with self._lock:
            try:
                self._put(content, name, place)
            except OSError as error:
                raise RefusedError(
                    FULL, f"the picture cannot be kept: {in_one_line(error.strerror or error)}"
                ) from error
        return Correction(id=name, digit=digit)

    def forget(self, name: str) -> Correction:
        """Delete a picture that is kept, by the SHA-256 of its content.

        Raises:
            RefusedError: There is none.
        """
        with self._lock:
            for file in self._found(name):
                file.unlink(missing_ok=True)
                return Correction(id=name, digit=int(file.parent.name))
        raise RefusedError(404, f"no correction {name}")

    def _put(self, content: bytes, name: str, place: Path) -> None:
        kept = next(self._found(name), None)
        if kept == place:
            return
        if kept:
            place.parent.mkdir(parents=True, exist_ok=True)
            kept.replace(place)
            return
        self._expect_room(len(content))
        with replace_when_written(place) as temporary:
            temporary.write_bytes(content)

    def _found(self, name: str) -> Iterator[Path]:
        return self._folder.glob(f"[0-9]/{name}.*")

    def _expect_room(self, size: int) -> None:
        """Refuse one picture too many.

        Raises:
            RefusedError: There are as many as may be, or they are too large together.
        """
        sizes = [file.stat().st_size for file in self._folder.glob("[0-9]/*")]
        if len(sizes) >= self._most_pictures:
            what = f"{self._most_pictures:,} pictures"
        elif sum(sizes) + size > self._most_megabytes * MEGABYTE:
            what = f"{self._most_megabytes:,} MB"
        else:
            return
        raise RefusedError(
            FULL, f"{what} of corrections are kept, no more fit; teach, then move some elsewhere"
        )


def ending_of(content: bytes) -> str:
    """Return the ending of a picture file by its content, never by its name.

    Raises:
        RefusedError: It cannot be read, or shows nothing.
    """
    try:
        seen = decode_and_normalise(partial(decode, content))[1][0].image
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            ending = ENDINGS[str(image.format)]
    except Exception as error:  # whatever a decoder raises, the picture is of no use
        raise RefusedError(422, f"the picture {why_unread(error)}") from error
    if not seen.any():
        raise RefusedError(422, "the picture shows no digit")
    return ending


def add_corrections(app: FastAPI, corrections: Corrections, workers: Workers) -> None:
    """Add the addresses at which corrections are kept and taken back.

    Args:
        app: The application.
        corrections: Where they are kept.
        workers: The processes that check pictures.
    """
    refusals: dict[int | str, dict[str, Any]] = {
        status: {"model": Refusal} for status in (400, 403, 404, 413, 422, 503, FULL)
    }
    body = {
        "required": True,
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    }

    @app.post(
        "/corrections", responses=refusals, openapi_extra={"requestBody": body}, status_code=201
    )
    async def keep(
        request: Request,
        digit: Annotated[int, Query(ge=0, le=9, description="what the picture shows")],
    ) -> Correction:
        """Say which digit a picture (the body) shows, to have it learned."""
        _expect_own_page(request)
        content = await request.body()
        if not content:
            raise RefusedError(400, "no picture: send one as the body")
        ending = await workers.run(ending_of, content)
        return await asyncio.to_thread(corrections.keep, content, digit, ending)

    @app.delete("/corrections/{name}", responses=refusals)
    async def forget(
        request: Request,
        name: Annotated[str, InPath(pattern="^[0-9a-f]{64}$", description="the id it was given")],
    ) -> Correction:
        """Take a correction back."""
        _expect_own_page(request)
        return await asyncio.to_thread(corrections.forget, name)


def _expect_own_page(request: Request) -> None:
    """Let only this service's page teach, and programs: a browser names the page that asks.

    Raises:
        RefusedError: The page of another site asks.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise RefusedError(403, "corrections are taken from the service's own page only")
