"""What can be set and chosen: the server, settings, presets."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from video3d import __version__, presets
from video3d.api import bodies, examples
from video3d.api.answers import device_body, saved_body, setting_body
from video3d.api.routing import Context, answer, caller_of, example, problems, route_class
from video3d.api.service import defaults
from video3d.params import json_schema, parameters
from video3d.queue import JobState
from video3d.settings import ConversionSettings


class SettingsRoutes:
    """Routes /status, /settings and /presets."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._service = context.service

    def router(self) -> APIRouter:
        """All of them."""
        router = APIRouter(route_class=route_class(self._context), tags=["settings"])
        saved = answer(bodies.SavedPresetBody, examples.SAVED)
        router.get("/status", summary="What this server is",
                   responses={200: answer(bodies.StatusBody, examples.STATUS), **problems()})(self.status)
        router.get("/settings", summary="List all settings",
                   responses={200: answer(bodies.SettingsBody, _settings()), **problems()})(self.settings)
        router.get("/presets", summary="List presets of devices, and your own",
                   responses={200: answer(bodies.PresetList, examples.PRESETS), **problems()})(self.list_presets)
        router.put("/presets/{name}", summary="Save settings under a name",
                   openapi_extra=example({"values": examples.SAVED["values"]}),
                   responses={200: saved, **problems()})(self.save_preset)
        router.delete("/presets/{name}", summary="Delete saved settings",
                      responses={200: answer(bodies.Deleted, {"deleted": examples.SAVED["name"]}), **problems(404)}
                      )(self.delete_preset)
        return router

    async def status(self, request: Request) -> Response:
        """For a client's first look."""
        caller = caller_of(request)
        states = [job.state for job in self._service.jobs(caller)]
        notices = await self._context.wait_for(self._service.host.notices)
        return JSONResponse({
            "version": __version__, "host": self._service.host.name, "devices": list(self._service.host.devices),
            "logged_in": caller.name, "paths_allowed": bool(self._service.paths_of(caller).roots),
            "upload_bytes": self._service.limits.upload_bytes, "waiting": states.count(JobState.WAITING),
            "running": states.count(JobState.RUNNING), "notices": list(notices),
        })

    async def settings(self) -> Response:
        """For forms, and for programs as JSON Schema."""
        return JSONResponse(_settings())

    async def list_presets(self, request: Request) -> Response:
        """What is saved is seen by whoever saved it."""
        saved = await self._context.wait_for(self._service.presets.all, caller_of(request).name)
        return JSONResponse({"devices": [device_body(preset) for preset in presets.presets()],
                             "saved": [saved_body(preset) for preset in saved]})

    async def save_preset(self, request: Request, name: str, wanted: bodies.PresetValues) -> Response:
        """What was saved under the name before is replaced."""
        kept = await self._context.wait_for(self._service.presets.save, caller_of(request).name, name, wanted.values)
        return JSONResponse(saved_body(kept))

    async def delete_preset(self, request: Request, name: str) -> Response:
        """Those of devices stay."""
        await self._context.wait_for(self._service.presets.delete, caller_of(request).name, name)
        return JSONResponse({"deleted": name})


def _settings() -> dict[str, Any]:
    return {"defaults": defaults(), "settings": [setting_body(each) for each in parameters(ConversionSettings)],
            "json_schema": json_schema(ConversionSettings)}
