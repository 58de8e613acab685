"""What to attach to a bug report: a job's log, and a bundle of it with versions and settings."""

from __future__ import annotations

from typing import Any, Optional

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from video3d import diagnostics
from video3d.api.guard import Caller
from video3d.api.routing import Context, answer_bytes, caller_of, problems, route_class

_TEXT: dict[str, Any] = {"description": "Plain text, a line for each thing that happened, with its time (UTC).",
                         "content": {"text/plain": {"schema": {"type": "string"}, "example":
                                     "2026-01-01 12:00:00.000 unit 0: frames 0 to 199, 1 cuts inside, 16.00 s "
                                     "(12.5 frames/s), 1048576 bytes\n"}}}
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class ReportRoutes:
    """Routes /jobs/ID/log and /diagnostics."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._service = context.service

    def router(self) -> APIRouter:
        """Both."""
        router = APIRouter(route_class=route_class(self._context), tags=["reports"])
        router.get("/jobs/{job_id}/log", summary="What happened to a job", response_class=Response,
                   responses={200: _TEXT, **problems(404)})(self.job_log)
        router.get("/diagnostics", summary="Versions, settings and a job's log for a bug report, as a ZIP file",
                   response_class=Response,
                   responses={200: answer_bytes("application/zip", "A ZIP file."), **problems(404)})(self.diagnostics)
        return router

    async def job_log(self, request: Request, job_id: str) -> Response:
        """Without the folders of this server; empty before the job ran first."""
        return Response(await self._context.wait_for(self._log, caller_of(request), job_id),
                        media_type="text/plain", headers=_HEADERS)

    async def diagnostics(self, request: Request,
                          job: Optional[str] = Query(None, description="A job's id: what happened to it goes along."),
                          ) -> Response:
        """No folders, no names of videos, users or machines, no secrets. Look into it before you send it."""
        packed = await self._context.decode(self._bundle, caller_of(request), job)
        return Response(packed, media_type="application/zip", headers={
            **_HEADERS, "Content-Disposition": 'attachment; filename="video3d-diagnostics.zip"'})

    def _log(self, caller: Caller, job_id: str) -> str:
        job = self._service.job(caller, job_id)
        folders = [named for file in (job.source, job.target) for named in (file.parent, file.resolve().parent)]
        return diagnostics.Cleaner((), folders)(self._service.queue.log(job.id))

    def _bundle(self, caller: Caller, job_id: str | None) -> bytes:
        queue = self._service.queue
        evidence = None
        if job_id is not None:
            evidence = diagnostics.evidence_of_job(self._service.job(caller, job_id), queue)
        return diagnostics.bundle(self._service.host, evidence)
