"""Pictures made at once: one moment of a video, or a stereo picture of a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import Any, Optional, TypeVar

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from video3d.api import bodies, examples
from video3d.api.guard import Caller
from video3d.api.routing import Context, answer_bytes, caller_of, example, problems, route_class, streamed
from video3d.api.service import SourceName
from video3d.errors import LimitError, SettingsError
from video3d.preview import Picture, PictureFormat, PreviewRequest, View, image_picture

Word = TypeVar("Word", bound=Enum)
_IMAGE = {"requestBody": {"required": True, "description": "A picture's file: JPEG, PNG, WebP, BMP, TIFF or GIF.",
                          "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


class PreviewRoutes:
    """Routes /preview and /image."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._service = context.service

    def router(self) -> APIRouter:
        """All of them."""
        router = APIRouter(route_class=route_class(self._context), tags=["pictures"])
        picture = answer_bytes("image/jpeg", "A picture of the format asked for.")
        router.post("/preview", summary="One moment of a video, as the settings would make it",
                    response_class=Response, openapi_extra=example(examples.PREVIEW),
                    responses={200: picture, **problems(404, 409)})(self.preview)
        router.post("/image", summary="A stereo picture of a picture, at once", response_class=Response,
                    openapi_extra=_IMAGE, responses={200: picture, **problems()})(self.convert_image)
        return router

    async def preview(self, request: Request, wanted: bodies.PreviewBody) -> Response:
        """With the strength and the screen plane that were saved for the moment's shot.

        The depth of the last few moments is remembered: other settings of the second eye are quick.
        """
        return _sent(await self._context.decode(self._preview, caller_of(request), wanted))

    @streamed
    async def convert_image(
        self, request: Request,
        settings: Optional[str] = Query(None, max_length=20000, description="Settings by name, as a JSON object."),
        view: str = Query("packed", description="original, depth, left-right, anaglyph, packed, wiggle."),
        format: str = Query("jpeg", description="jpeg, png, webp; gif of a wiggle."),  # noqa: A002
    ) -> Response:
        """The body is the picture's file."""
        data = await _body(request, self._service.limits.image_bytes)
        return _sent(await self._context.decode(self._image, caller_of(request), data, settings, view, format))

    def _preview(self, caller: Caller, wanted: bodies.PreviewBody) -> Picture:
        source = self._service.source(caller, SourceName(wanted.upload, wanted.path))
        settings = self._service.settings(caller, wanted.settings)
        edits = self._service.saved_shots.get(caller.name, source.file)
        if edits is not None:
            settings = edits.values_at(Fraction(wanted.moment)).over(settings)
        return self._service.previewer.picture(PreviewRequest(
            source.file, settings, wanted.moment, word(View, "view", wanted.view),
            word(PictureFormat, "format", wanted.format), wanted.largest_side), self._service.limits.check_video)

    def _image(self, caller: Caller, data: bytes, settings: str | None, view: str, kind: str) -> Picture:
        return image_picture(
            data, self._service.settings(caller, _values(settings)), self._service.host,
            view=word(View, "view", view), format=word(PictureFormat, "format", kind),
            most_pixels=self._service.limits.image_pixels, reporter=self._service.previewer.reporter)


def word(kind: type[Word], name: str, given: str) -> Word:
    """The member of an enumeration; SettingsError lists those there are."""
    try:
        return kind(given)
    except ValueError:
        raise SettingsError(f"{name} cannot be {given!r}.", stage="preview",
                            remedy=f"Allowed: {', '.join(member.value for member in kind)}.") from None


def _values(text: str | None) -> Mapping[str, Any]:
    try:
        values: Any = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise SettingsError("settings must be a JSON object.", stage="settings", remedy='Such as {"strength": 2}.')
    return {**values}


async def _body(request: Request, most: int) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most:
            raise LimitError(f"The picture is larger than {most} bytes.", stage="preview", remedy="Send a smaller one.")
    return bytes(data)


def _sent(picture: Picture) -> Response:
    return Response(picture.data, media_type=picture.media_type, headers={"Cache-Control": "no-store"})
