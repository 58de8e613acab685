"""The cut list of a video or of a job: looked at, merged, split, and given strength and screen plane shot by shot."""

from __future__ import annotations

from typing import Any, Optional
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from video3d.api import bodies, examples
from video3d.api.cut_lists import CutList, CutLists, ShotsOf
from video3d.api.guard import Caller
from video3d.api.routing import Context, answer, answer_bytes, caller_of, example, problems, route_class
from video3d.errors import SettingsError
from video3d.shot_edits import FORMAT, ShotEdits, merged, shots_of, split, values_of, with_values

MERGE, SPLIT, SET = "merge", "split", "set"


class ShotRoutes:
    """Routes under /shots."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lists = CutLists(context.service)

    def router(self) -> APIRouter:
        """All of them."""
        router = APIRouter(route_class=route_class(self._context), tags=["shots"])
        responses: dict[int | str, Any] = {200: answer(bodies.ShotsBody, examples.SHOTS), **problems(404, 409)}
        router.post("/shots", summary="The shots of a video or a job, as far as they were found",
                    openapi_extra=example(examples.SOURCE), responses=responses)(self.shots)
        router.put("/shots", summary="Save an edited list of shots", openapi_extra=example(examples.SHOTS_TO_SAVE),
                   responses=responses)(self.save_shots)
        router.delete("/shots", summary="Forget what was edited: the shots are again as they were found",
                      responses=responses)(self.forget_shots)
        router.post("/shots/edit", summary="Merge or split shots, or set one's strength and screen plane",
                    openapi_extra=example(examples.SHOT_EDIT), responses=responses)(self.edit_shots)
        router.get("/shots/picture", summary="A small picture of a shot", response_class=Response,
                   responses={200: answer_bytes("image/jpeg", "A picture."), **problems(404)})(self.shot_picture)
        return router

    async def shots(self, request: Request, wanted: bodies.ShotsOfBody) -> Response:
        """The search begins with the first question; ask again until it is complete."""
        named = ShotsOf(wanted.upload, wanted.path, wanted.job)
        return self._told(await self._context.decode(self._lists.look, caller_of(request), named), named)

    async def save_shots(self, request: Request, wanted: bodies.ShotsToSaveBody) -> Response:
        """They count for this job, or for conversions of this video to come.

        A job that has begun keeps those of its finished parts that stay the same.
        """
        named = ShotsOf(wanted.upload, wanted.path, wanted.job)
        edits = shots_of({"format": FORMAT, "shots": [bodies.plain(shot) for shot in wanted.shots]})
        return self._told(await self._context.decode(self._lists.save, caller_of(request), named, edits), named)

    async def forget_shots(self, request: Request, upload: Optional[str] = Query(None, description="An upload's id."),
                           path: Optional[str] = Query(None, max_length=4096, description="A file on the server."),
                           job: Optional[str] = Query(None, description="A job's id.")) -> Response:
        """Nothing happens where nothing was edited."""
        named = ShotsOf(upload, path, job)
        return self._told(await self._context.decode(self._lists.save, caller_of(request), named, None), named)

    async def edit_shots(self, request: Request, wanted: bodies.ShotEditBody) -> Response:
        """The answer is the whole list after it: numbers of later shots change with a merge or a split."""
        named = ShotsOf(wanted.upload, wanted.path, wanted.job)
        return self._told(await self._context.decode(self._edit, caller_of(request), named, wanted), named)

    async def shot_picture(self, request: Request, at: float = Query(ge=0, le=1e7, description="Seconds: a moment of "
                                                                     "the shot."),
                           upload: Optional[str] = Query(None, description="An upload's id."),
                           path: Optional[str] = Query(None, max_length=4096, description="A file on the server."),
                           job: Optional[str] = Query(None, description="A job's id.")) -> Response:
        """Of the middle of the shot that was found there; made while the shots were searched."""
        data = await self._context.decode(self._lists.picture, caller_of(request), ShotsOf(upload, path, job), at)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})

    def _edit(self, caller: Caller, named: ShotsOf, wanted: bodies.ShotEditBody) -> CutList:
        def change(edits: ShotEdits) -> ShotEdits:
            if wanted.action == MERGE:
                return merged(edits, _given("shot", wanted.shot))
            if wanted.action == SPLIT:
                return split(edits, _given("at", wanted.at))
            if wanted.action == SET:
                shot = _given("shot", wanted.shot)
                return with_values(edits, shot, values_of({"strength": wanted.strength,
                                                           "convergence": wanted.convergence}, f"shot {shot}"))
            raise SettingsError(f"\"action\" cannot be {wanted.action!r}.", stage="shots",
                                remedy=f"Allowed: {MERGE}, {SPLIT}, {SET}.")

        return self._lists.edit(caller, named, change)

    def _told(self, listed: CutList, named: ShotsOf) -> Response:
        which = {name: word for name, word in vars(named).items() if word is not None}
        known = max((shot.end for shot in listed.found.shots if shot.thumbnail is not None), default=0.0)
        shots = [{
            "index": index, "start": shot.start, "end": listed.end(index), **shot.values.to_json(),
            "thumbnail": f"shots/picture?{urlencode({**which, 'at': shot.start})}" if shot.start < known else "",
        } for index, shot in enumerate(listed.shots)]
        return JSONResponse({"format": FORMAT, "shots": shots, "edited": listed.edits is not None,
                             "starts": list(listed.found.starts), "covered": listed.found.covered,
                             "complete": listed.found.complete})


def _given(name: str, value: Any) -> Any:
    if value is None:
        raise SettingsError(f"\"{name}\" is missing.", stage="shots", remedy="See the API's documentation.")
    return value
