"""The service's addresses: /read, /invocations, /health, /ready, /version, /metrics."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from pipeline.config.places import CORRECTIONS
from pipeline.config.schema import Predict
from pipeline.service.answers import Answers, Invoked, Names, NetworkAnswer, Refusal
from pipeline.service.corrections import Corrections, add_corrections
from pipeline.service.limits import Limits, RefusedError, WholeBodies, refusal
from pipeline.service.measures import Counted, Measures
from pipeline.service.networks import Network, Networks
from pipeline.service.reading import (
    Mode,
    Read,
    Upload,
    Workers,
    read_all_numbers,
    read_digits,
    read_invocation,
)
from pipeline.system.errors import InputError, in_one_line

log = logging.getLogger(__name__)

REFRESH_SECONDS = 3.0
MOST_FILES = 64
PAGE = Path(__file__).with_name("page")
# Nothing from elsewhere, and no frame of another site around it.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal} for status in (400, 404, 408, 413, 422, 503)
}
PICTURE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            },
        },
    }
}


class Service:
    """What all requests share."""

    def __init__(self, networks: Networks, settings: Predict, limits: Limits) -> None:
        """Open nothing yet.

        Args:
            networks: The networks that answer.
            settings: How sure an answer must be.
            limits: What the service takes.
        """
        self.networks = networks
        self.settings = settings
        self.workers = Workers(limits.waiting)
        self.measures = Measures()

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Follow the champion as long as the service runs."""
        self.workers.warm_up()
        await asyncio.to_thread(self.networks.remember)
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            self.workers.close()
            self.networks.close()

    async def _follow(self) -> None:
        told = ""
        while True:
            problem = await asyncio.to_thread(self._refresh)
            if problem and problem != told:
                log.warning("%s", problem)
            told = problem
            if network := self.networks.current:
                self.measures.name_network(network.name, network.run_id)
            await asyncio.sleep(REFRESH_SECONDS)

    def _refresh(self) -> str:
        """Find out which network answers from now on; return what went wrong, in one line."""
        try:
            self.networks.refresh()
        except InputError as error:
            return str(error)
        except Exception as error:  # the service must outlive whatever MLflow raises
            return f"could not ask the registry: {in_one_line(error)}"
        return ""

    def watch(self, network: Network, pictures: Sequence[Read]) -> None:
        """Remember what was read, to notice pictures of another kind than the training data."""
        if network is self.networks.current:
            window = self.measures.window(network)
            for image, probabilities in pictures:
                window.add(image, probabilities)

    async def names(self) -> list[str]:
        """Return the names of all networks but the runs.

        Raises:
            RefusedError: The registry does not answer.
        """
        try:
            return await asyncio.to_thread(self.networks.names)
        except InputError as error:
            raise RefusedError(503, str(error)) from error

    async def lines(self) -> Network:
        """Return the network that reads whole numbers.

        Raises:
            RefusedError: There is none.
        """
        try:
            return await asyncio.to_thread(self.networks.lines)
        except InputError as error:
            raise RefusedError(404, str(error)) from error

    async def network(self, name: str | None = None) -> Network:
        """Return the network that a request names, or the one that answers now.

        Raises:
            RefusedError: There is none (yet).
        """
        if name is None:
            if self.networks.current is None:
                raise RefusedError(503, "no network yet; try again")
            return self.networks.current
        try:
            return await asyncio.to_thread(self.networks.named, name)
        except InputError as error:
            raise RefusedError(404, f"network={name}: {error}") from error


def make_app(service: Service, limits: Limits) -> FastAPI:
    """Return the application.

    Args:
        service: What all requests share.
        limits: What it takes.
    """
    app = FastAPI(
        title="digits",
        summary="Reads handwritten digits from pictures.",
        version=metadata.version("digit-pipeline"),
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=service.lifespan,
    )
    app.add_middleware(WholeBodies, limits=limits)
    app.add_middleware(Counted, measures=service.measures)
    app.exception_handler(RefusedError)(_refuse)
    app.exception_handler(RequestValidationError)(_refuse_value)
    app.exception_handler(HTTPException)(_refuse_address)
    _add_reading(app, service)
    _add_states(app, service)
    add_corrections(app, Corrections(CORRECTIONS), service.workers)
    _add_page(app)
    return app


def _add_reading(app: FastAPI, service: Service) -> None:
    @app.post("/read", response_model=Answers, responses=REFUSALS, openapi_extra=PICTURE_BODY)
    async def read(
        request: Request,
        mode: Annotated[Mode, Query(description="one digit, or whole numbers")] = "digit",
        network: Annotated[
            str | None,
            Query(description="champion, local, a version's number, or the id of a run"),
        ] = None,
        seen: Annotated[bool, Query(description="add what the network saw")] = False,
    ) -> Response:
        """Read a picture file (the body), or several (multipart)."""
        uploads = await _uploads(request)
        run, settings = service.workers.run, service.settings
        if mode == "number":
            chosen = await service.lines()
            answers = await run(read_all_numbers, chosen.file, settings, uploads)
        else:
            chosen = await service.network(network)
            task = partial(read_digits, seen=seen)
            answers, read = await run(task, chosen.file, settings, uploads)
            if not seen:  # the page, which asks for it, sends unfinished drawings
                service.watch(chosen, read)
        for each in answers:
            service.measures.pictures.labels(each["status"]).inc()
        if len(answers) == 1 and answers[0]["status"] == "error":
            raise RefusedError(422, f"{answers[0]['file']} {answers[0]['detail']}")
        return JSONResponse({"network": _about(chosen).model_dump(), "predictions": answers})

    @app.post("/invocations", response_model=Invoked, responses=REFUSALS)
    async def invocations(request: Request) -> Response:
        """Read pictures as MLflow's scoring server does."""
        network = await service.network()
        rows = await service.workers.run(
            read_invocation, network.file, service.settings, await request.body()
        )
        return JSONResponse({"predictions": rows})


def _add_states(app: FastAPI, service: Service) -> None:
    @app.get("/health", response_class=PlainTextResponse)
    async def health() -> str:
        """Say that the service runs."""
        return "ok\n"

    @app.get("/ready", response_class=PlainTextResponse, responses={503: {"model": Refusal}})
    async def ready() -> str:
        """Say whether a network is ready to answer."""
        await service.network()
        return "ready\n"

    @app.get("/version", responses={503: {"model": Refusal}, 404: {"model": Refusal}})
    async def version(network: str | None = None) -> NetworkAnswer:
        """Say which network answers."""
        return _about(await service.network(network))

    @app.get("/networks", responses=REFUSALS)
    async def networks() -> Names:
        """List the networks that a request can name, beside the runs."""
        return Names(names=await service.names())

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Count requests and pictures, in Prometheus's text format."""
        return PlainTextResponse(service.measures.text())


def _add_page(app: FastAPI) -> None:
    app.mount("/page", StaticFiles(directory=PAGE), name="page")

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)


async def _uploads(request: Request) -> list[Upload]:
    """Return the picture files of a request.

    Raises:
        RefusedError: It has none.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        uploads = [("body", await request.body())]
    else:
        async with request.form(max_files=MOST_FILES) as form:
            files = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
            uploads = [(each.filename or "file", await each.read()) for each in files]
    if not uploads or not uploads[0][1]:
        raise RefusedError(400, "no picture: send one as the body, or several as multipart files")
    return uploads


def _about(network: Network) -> NetworkAnswer:
    return NetworkAnswer(
        name=network.name,
        run_id=network.run_id,
        test_accuracy=network.test_accuracy,
        title=network.title,
    )


async def _refuse(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedError)
    return refusal(error)


async def _refuse_address(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return refusal(RefusedError(error.status_code, error.detail))


async def _refuse_value(_: Request, error: Exception) -> JSONResponse:
    """Say in one line which value of a request is wrong."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return refusal(RefusedError(422, f"{first['loc'][-1]}: {first['msg']}"))
