"""What a person who looks at a video, or at a result, wants to know: time and size, something to play."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from video3d.api import bodies, examples
from video3d.api.guard import Caller
from video3d.api.model_routes import is_slow
from video3d.api.ranges import FileAnswer
from video3d.api.routing import Context, answer, answer_bytes, caller_of, example, file_route, problems, route_class
from video3d.api.service import Service, SourceName
from video3d.depth.registry import available_models, choose_model, is_named
from video3d.depth_model import DepthModel
from video3d.errors import AccessError, DepthError, MissingError, SettingsError, SourceError
from video3d.estimating import Estimate, Sample, estimate
from video3d.media.source import probe
from video3d.queue import JobState, JobView
from video3d.renditions import Rendition
from video3d.settings import ConversionSettings


class PageRoutes:
    """Routes /estimate, and what a page shows of a finished job."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._service = context.service
        self._speeds = _Speeds(context.service)

    def router(self) -> APIRouter:
        """All of them."""
        router = APIRouter(route_class=route_class(self._context), tags=["pages"])
        refusals = problems(404, 409)
        router.post("/estimate", summary="About how long a conversion takes, and how large it gets",
                    openapi_extra=example(examples.ESTIMATE_ORDER),
                    responses={200: answer(bodies.ExpectedBody, examples.ESTIMATE), **refusals})(self.expected)
        router.post("/jobs/{job_id}/playable", summary="Have something that browsers play",
                    responses={200: answer(bodies.PlayableBody, examples.PLAYABLE), **refusals})(self.playable)
        file_route(router, "/jobs/{job_id}/copy", "The copy of a result that browsers play", self.copy)
        router.get("/jobs/{job_id}/comfort.png", summary="How easy a result is on the eyes, as a picture",
                   response_class=Response, responses={200: answer_bytes("image/png", "A picture."), **refusals},
                   )(self.comfort)
        router.post("/jobs/{job_id}/folder", summary="Open a result's folder on the server's own screen",
                    responses={200: answer(bodies.OpenedBody, {"opened": True}), **refusals})(self.folder)
        return router

    async def expected(self, request: Request, wanted: bodies.EstimateBody) -> Response:
        """Guesses, from the last conversion here and from the source."""
        told = await self._context.decode(self._expected, caller_of(request), wanted)
        return JSONResponse({"seconds": told.seconds, "bytes": told.bytes, "width": told.width, "height": told.height})

    async def playable(self, request: Request, job_id: str) -> Response:
        """The result itself where browsers play it; else a copy is made. Ask again while it is."""
        found = await self._context.decode(self._playable, caller_of(request), job_id)
        copied = found.file is not None and found.file == self._service.renditions.file(job_id)
        state = "making" if found.file is None else "copy" if copied else "result"
        return JSONResponse({"state": state, "share": found.share,
                             "address": f"jobs/{job_id}/{'copy' if copied else 'result'}"})

    async def copy(self, request: Request, job_id: str) -> Response:
        """Of the size of a screen, in H.264."""
        await self._context.wait_for(self._service.result, caller_of(request), job_id)
        file = self._service.renditions.file(job_id)
        if not file.is_file():
            raise MissingError("There is no copy of this result.", stage="playback", remedy="Have one made first.")
        return FileAnswer(file)

    async def comfort(self, request: Request, job_id: str) -> Response:
        """Made where the settings asked for it."""
        result = await self._context.wait_for(self._service.result, caller_of(request), job_id)
        file = result.with_suffix(".comfort.png")
        if not file.is_file():
            raise MissingError("There is no comfort report of this result.", stage="playback",
                               remedy="Ask for one in the settings, and convert again.")
        return FileAnswer(file)

    async def folder(self, request: Request, job_id: str) -> Response:
        """Only where whoever asks sits before that screen."""
        caller = caller_of(request)
        result = await self._context.wait_for(self._service.result, caller, job_id)
        if self._service.open_folder is None or not caller.is_here:
            raise AccessError("Folders are not opened here.", stage="access", remedy="Download the result instead.")
        await self._context.wait_for(self._service.open_folder, result.parent)
        return JSONResponse({"opened": True})

    def _expected(self, caller: Caller, wanted: bodies.EstimateBody) -> Estimate:
        source = self._service.source(caller, SourceName(wanted.upload, wanted.path))
        settings = self._service.settings(caller, wanted.settings)
        info = self._service.look_at(source)
        model, host = self._model(settings), self._service.host
        sample = None if model is None else self._speeds.sample(model)
        return estimate(info, source.file.stat().st_size, settings, host.processors, sample,
                        is_slow=model is not None and is_slow(model, host))

    def _model(self, settings: ConversionSettings) -> DepthModel | None:
        """The one that would be taken; None where depth is given, or the conversion would say why not."""
        if settings.depth.depth_video:
            return None
        with suppress(SettingsError, DepthError):
            return choose_model(settings.depth.depth_model, available_models(self._service.host)).model
        return None

    def _playable(self, caller: Caller, job_id: str) -> Rendition:
        result = self._service.result(caller, job_id)
        self._service.renditions.keep_only({job.id for job in self._service.queue.jobs()})
        return self._service.renditions.rendition(job_id, result)


TELLING_SECONDS = 20.0
"""A shorter conversion says how long one takes to begin, and little of how fast it is."""
TELLING_PIXELS = 100_000_000
"""So does one with fewer pixels in all frames of its result: about 25 frames of Full HD side by side."""
LOOKED_AT = 8
"""At most so many of the newest results are looked at."""


class _Speeds:
    """How fast the newest conversion with each depth model was that took a while."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._known: dict[str, Sample | None] = {}

    def sample(self, model: DepthModel) -> Sample | None:
        """None where there is none; looks at results, and waits for that."""
        done = [job for job in self._service.queue.jobs() if job.state is JobState.DONE
                and is_named(model, job.notices) and _took(job) >= TELLING_SECONDS
                and job.target.is_file()]
        newest = sorted(done, key=lambda job: job.finished or 0, reverse=True)[:LOOKED_AT]
        for job in newest:
            one = self._known[job.id] if job.id in self._known else _measured(job)
            self._known = {**dict(list(self._known.items())[-2 * LOOKED_AT:]), job.id: one}
            if one is not None and one.pixels >= TELLING_PIXELS:
                return one
        return None


def _took(job: JobView) -> float:
    return job.finished - job.started if job.started is not None and job.finished is not None else 0.0


def _measured(job: JobView) -> Sample | None:
    if not job.frames:
        return None
    try:
        info = probe(job.target)
    except SourceError:  # it is something else by now
        return None
    return Sample(info.width * info.height * job.frames, _took(job))
