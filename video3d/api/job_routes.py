"""Conversions: asked for, watched, steered, fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from video3d.api import bodies, examples
from video3d.api.answers import job_body
from video3d.api.changes import Changes
from video3d.api.events import event_stream
from video3d.api.guard import Caller
from video3d.api.ranges import FileAnswer
from video3d.api.routing import Context, answer, answer_bytes, caller_of, example, file_route, problems, route_class
from video3d.api.service import Order, SourceName
from video3d.errors import MissingError
from video3d.queue import JobView

LONGEST_WAIT = 60.0
"""Seconds that a long poll may take."""
SIGN_OF_LIFE = 15.0
"""Seconds after which an event stream says that it is still there."""
_STREAM: dict[str, Any] = {"description": "Server-sent events, one JSON object each.",
                           "content": {"text/event-stream": {"schema": {"type": "string"}}}}
_PLAYLIST: dict[str, Any] = {"description": "A playlist; its names are relative to its address.",
                             "content": {"application/vnd.apple.mpegurl": {"schema": {"type": "string"}}}}


class JobRoutes:
    """Routes under /jobs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._service = context.service
        self._queue = context.service.queue
        self._changes = Changes(self._queue)

    def router(self) -> APIRouter:
        """All of them."""
        router = APIRouter(route_class=route_class(self._context), tags=["jobs"])
        job, jobs = answer(bodies.JobBody, examples.JOB), answer(bodies.JobList, examples.JOBS)
        stream = {200: _STREAM, **problems(404)}
        router.post("/jobs", status_code=201, summary="Convert a video", openapi_extra=example(examples.ORDER),
                    responses={201: job, **problems(404, 409)})(self.submit_job)
        router.get("/jobs", summary="List your jobs, or wait for a change",
                   responses={200: jobs, **problems()})(self.list_jobs)
        router.get("/jobs/events", summary="Watch all your jobs", response_class=Response,
                   responses=stream)(self.watch_jobs)
        router.get("/jobs/{job_id}", summary="How a job is", responses={200: job, **problems(404)})(self.job)
        router.get("/jobs/{job_id}/events", summary="Watch a job until it is over", response_class=Response,
                   responses=stream)(self.watch_job)
        router.patch("/jobs/{job_id}", summary="Change a job's priority", openapi_extra=example({"priority": 5}),
                     responses={200: job, **problems(404)})(self.change_job)
        for word, summary, steer in (
            ("pause", "Let a job rest; what is finished of it stays", self.pause_job),
            ("resume", "Let a paused job go on", self.resume_job),
            ("cancel", "End a job, and throw away what is finished of it", self.cancel_job),
            ("retry", "Run a failed or cancelled job again", self.retry_job),
        ):
            router.post(f"/jobs/{{job_id}}/{word}", summary=summary, responses={200: job, **problems(404, 409)})(steer)
        router.delete("/jobs/{job_id}", summary="Forget a job; its result stays",
                      responses={200: answer(bodies.Deleted, {"deleted": examples.JOB["id"]}), **problems(404)}
                      )(self.delete_job)
        router.get("/jobs/{job_id}/preview", summary="The newest frame that a job made", response_class=Response,
                   responses={200: answer_bytes("image/jpeg", "A picture."), **problems(404)})(self.job_preview)
        router.get("/jobs/{job_id}/stream/playlist.m3u8", summary="Watch what is finished, as HLS",
                   response_class=Response, responses={200: _PLAYLIST, **problems(404)})(self.job_playlist)
        file_route(router, "/jobs/{job_id}/stream/{name}", "A part of what can be watched", self.job_fragment)
        file_route(router, "/jobs/{job_id}/result", "The 3D video that a job made", self.job_result)
        return router

    async def submit_job(self, request: Request, order: bodies.JobOrderBody) -> Response:
        """The video is looked at first: what cannot be converted is refused at once."""
        wanted = Order(SourceName(order.upload, order.path), order.settings, order.preset, order.name, order.folder,
                       order.priority, order.keep_upload, order.shots)
        job = await self._context.decode(self._service.submit, caller_of(request), wanted)
        return JSONResponse(self._shown(job), 201)

    async def list_jobs(self, request: Request,
                        after: int = Query(0, ge=0, le=1 << 62, description="Wait until the version is higher."),
                        wait: float = Query(0, ge=0, le=LONGEST_WAIT, description="Seconds to wait at most."),
                        ) -> Response:
        """At once, or as soon as the version is higher than `after`."""
        await self._changes.wait(after, wait)
        return JSONResponse(self._listed(caller_of(request)))

    async def watch_jobs(self, request: Request) -> Response:
        """Server-sent events: the list, whenever something in it changes."""
        caller = caller_of(request)
        return event_stream(request, self._events(lambda: self._listed(caller)))

    async def job(self, request: Request, job_id: str) -> Response:
        """State, progress, notices, and why it failed if it did."""
        return JSONResponse(self._shown(self._service.job(caller_of(request), job_id)))

    async def watch_job(self, request: Request, job_id: str) -> Response:
        """Server-sent events: the job, whenever something of it changes."""
        caller = caller_of(request)
        self._service.job(caller, job_id)
        return event_stream(request, self._events(lambda: self._shown(self._service.job(caller, job_id))))

    async def change_job(self, request: Request, job_id: str, wanted: bodies.JobChangeBody) -> Response:
        """A job that runs already goes on."""
        return await self._steer(request, job_id, lambda job: self._queue.set_priority(job, wanted.priority))

    async def pause_job(self, request: Request, job_id: str,
                        at_once: bool = Query(False, description="Do not wait for the unit.")) -> Response:
        """A running job stops when its unit is done; at once, what is finished of that unit is lost."""
        return await self._steer(request, job_id, lambda job: self._queue.pause(job, at_once=at_once))

    async def resume_job(self, request: Request, job_id: str) -> Response:
        """It runs when its turn comes."""
        return await self._steer(request, job_id, self._queue.resume)

    async def cancel_job(self, request: Request, job_id: str) -> Response:
        """It can be started again, from its beginning."""
        return await self._steer(request, job_id, self._queue.cancel)

    async def retry_job(self, request: Request, job_id: str) -> Response:
        """Finished parts are kept."""
        return await self._steer(request, job_id, self._queue.retry)

    async def delete_job(self, request: Request, job_id: str) -> Response:
        """A running job is stopped first."""
        self._service.job(caller_of(request), job_id)
        await self._context.wait_for(self._queue.delete, job_id)
        return JSONResponse({"deleted": job_id})

    async def job_preview(self, request: Request, job_id: str) -> Response:
        """As the result shows it, made smaller."""
        self._service.job(caller_of(request), job_id)
        picture = await self._context.wait_for(self._queue.preview, job_id)
        if picture is None:
            raise MissingError("There is no picture yet.", stage="queue", remedy="Ask again when the job runs.")
        return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def job_playlist(self, request: Request, job_id: str) -> Response:
        """It grows with the job; players read it again until it ends."""
        job = self._service.job(caller_of(request), job_id)
        text = await self._context.decode(self._service.streams.playlist, job)
        return Response(text, media_type="application/vnd.apple.mpegurl", headers={"Cache-Control": "no-cache"})

    async def job_fragment(self, request: Request, job_id: str, name: str) -> Response:
        """As the playlist names it."""
        job = self._service.job(caller_of(request), job_id)
        return FileAnswer(await self._context.wait_for(self._service.streams.file, job, name))

    async def job_result(self, request: Request, job_id: str,
                         download: bool = Query(False, description="Have a browser save it.")) -> Response:
        """Whole or in part, for a player or a download that is resumed."""
        return FileAnswer(await self._context.wait_for(self._service.result, caller_of(request), job_id),
                          download=download)

    async def _steer(self, request: Request, job_id: str, action: Callable[[str], JobView]) -> Response:
        self._service.job(caller_of(request), job_id)
        return JSONResponse(self._shown(await self._context.wait_for(action, job_id)))

    def _shown(self, job: JobView) -> dict[str, Any]:
        return job_body(job, self._service.public)

    def _listed(self, caller: Caller) -> dict[str, Any]:
        version = self._changes.version
        return {"version": version, "jobs": [self._shown(job) for job in self._service.jobs(caller)]}

    async def _events(self, look: Callable[[], dict[str, Any]]) -> AsyncIterator[dict[str, Any] | None]:
        """What `look` gives whenever it gives another version; ends with a job that is over or gone."""
        seen = -1
        while True:
            known = self._changes.version
            try:
                event = look()
            except MissingError:
                return
            yield event if event["version"] != seen else None
            seen = event["version"]
            if event.get("state") in ("done", "failed", "cancelled"):
                return
            await self._changes.wait(known, SIGN_OF_LIFE)
