"""Sending videos here, in one piece or in several, and looking at them."""

from __future__ import annotations

from typing import Any, Optional

import anyio
from fastapi import APIRouter, Query
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from video3d.api import bodies, examples
from video3d.api.answers import upload_body, video_body
from video3d.api.ranges import FileAnswer
from video3d.api.routing import Context, answer, caller_of, file_route, problems, route_class, streamed
from video3d.api.service import Source, SourceName
from video3d.api.uploads import Upload
from video3d.errors import LimitError

PIECE = 2 << 20
"""Bytes written at once."""
_SENT = {"requestBody": {"required": True, "description": "The bytes of the file, as they are.",
                         "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


class UploadRoutes:
    """Routes under /uploads, and /files/info."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._service = context.service
        self._uploads = context.service.uploads

    def router(self) -> APIRouter:
        """All of them."""
        router = APIRouter(route_class=route_class(self._context), tags=["videos"])
        upload = answer(bodies.UploadBody, examples.UPLOAD)
        video = answer(bodies.VideoBody, examples.VIDEO)
        router.post("/uploads", status_code=201, openapi_extra=_SENT, summary="Send a video",
                    responses={201: upload, **problems()})(self.send)
        router.patch("/uploads/{upload_id}", openapi_extra=_SENT, summary="Send the next piece of a video",
                     responses={200: upload, **problems(404, 409)})(self.send_more)
        router.get("/uploads", summary="List your uploads",
                   responses={200: answer(bodies.UploadList, {"uploads": [examples.UPLOAD]}), **problems()}
                   )(self.list_uploads)
        router.get("/uploads/{upload_id}", summary="How much of an upload is here",
                   responses={200: upload, **problems(404)})(self.upload)
        router.delete("/uploads/{upload_id}", summary="Delete an upload",
                      responses={200: answer(bodies.Deleted, {"deleted": examples.UPLOAD["id"]}), **problems(404)}
                      )(self.delete_upload)
        router.get("/uploads/{upload_id}/info", summary="What an uploaded video is",
                   responses={200: video, **problems(404, 409)})(self.upload_info)
        router.get("/files/info", summary="What a video on the server is",
                   responses={200: video, **problems()})(self.file_info)
        file_route(router, "/uploads/{upload_id}/content", "The uploaded video itself", self.upload_content)
        return router

    @streamed
    async def send(self, request: Request, name: str = Query(max_length=1000, description="The file's name."),
                   size: Optional[int] = Query(None, ge=0, le=1 << 50, description=
                                               "Bytes in all, where the rest follows in further pieces.")) -> Response:
        """The body is the file. Without `size` it must come whole; with it, the rest may follow."""
        announced = size if size is not None else _length(request)
        upload = await self._context.wait_for(self._service.new_upload, caller_of(request), name, announced)
        try:
            finished = await self._receive(request, upload, 0)
            if not finished.complete and size is None:
                raise ClientDisconnect
        except BaseException as problem:
            if size is None or isinstance(problem, LimitError):
                with anyio.CancelScope(shield=True):
                    await self._context.wait_for(self._uploads.delete, upload)
            raise
        return JSONResponse(upload_body(finished), 201)

    @streamed
    async def send_more(self, request: Request, upload_id: str,
                        offset: int = Query(ge=0, le=1 << 50, description="Where the piece begins: what was received "
                                                                          "so far.")) -> Response:
        """The body is the next piece."""
        upload = await self._context.wait_for(self._uploads.get, caller_of(request).name, upload_id)
        return JSONResponse(upload_body(await self._receive(request, upload, offset)))

    async def list_uploads(self, request: Request) -> Response:
        """Oldest first."""
        found = await self._context.wait_for(self._uploads.all, caller_of(request).name)
        return JSONResponse({"uploads": [upload_body(upload) for upload in found]})

    async def upload(self, request: Request, upload_id: str) -> Response:
        """Ask this before sending the rest of an upload that was cut off."""
        return JSONResponse(upload_body(await self._upload(request, upload_id)))

    async def delete_upload(self, request: Request, upload_id: str) -> Response:
        """Unfinished jobs of it still convert it; the video goes with the last of them."""
        upload = await self._upload(request, upload_id)
        await self._context.wait_for(self._service.delete_upload, upload)
        return JSONResponse({"deleted": upload.id})

    async def upload_info(self, request: Request, upload_id: str) -> Response:
        """From its headers and first frames; the whole file is not read."""
        return await self._look(request, SourceName(upload=upload_id))

    async def file_info(self, request: Request, path: str = Query(max_length=4096)) -> Response:
        """Where the server's owner allows its folder."""
        return await self._look(request, SourceName(path=path))

    async def upload_content(self, request: Request, upload_id: str) -> Response:
        """Whole or in part, for a player."""
        upload = await self._upload(request, upload_id)
        return FileAnswer(await self._context.wait_for(self._uploads.complete_file, upload), name=upload.name)

    async def _upload(self, request: Request, upload_id: str) -> Upload:
        return await self._context.wait_for(self._uploads.get, caller_of(request).name, upload_id)

    async def _receive(self, request: Request, upload: Upload, offset: int) -> Upload:
        """Write the body as it comes, a piece at a time."""
        waiting: list[bytes] = []
        size = 0
        async for data in request.stream():
            waiting.append(data)
            size += len(data)
            if size >= PIECE:
                offset = await self._context.wait_for(self._uploads.append, upload, offset, waiting)
                waiting, size = [], 0
        await self._context.wait_for(self._uploads.append, upload, offset, waiting)
        return await self._context.wait_for(self._uploads.finish, upload)

    async def _look(self, request: Request, named: SourceName) -> Response:
        source = await self._context.wait_for(self._service.source, caller_of(request), named)
        return JSONResponse(await self._context.decode(self._video, source))

    def _video(self, source: Source) -> dict[str, Any]:
        info = self._service.look_at(source)
        return video_body(info, source.name, source.file.stat().st_size, self._service.public)


def _length(request: Request) -> int | None:
    stated = request.headers.get("content-length", "")
    return int(stated) if stated.isdecimal() and len(stated) < 18 else None
