"""Depth models: what there is, and their weights, fetched because somebody asks."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from video3d.api import bodies, examples
from video3d.api.downloads import Downloads
from video3d.api.routing import Context, answer, problems, route_class
from video3d.depth.opening import runs_on_processor
from video3d.depth.registry import available_models, choose_model, find_model
from video3d.depth_model import DepthModel
from video3d.host import Host
from video3d.settings import DepthSettings


class ModelRoutes:
    """Routes under /models."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._service = context.service
        self._downloads: Downloads = context.service.downloads

    def router(self) -> APIRouter:
        """All of them."""
        router = APIRouter(route_class=route_class(self._context), tags=["models"])
        listed = answer(bodies.ModelList, {"models": [examples.MODEL]})
        router.get("/models", summary="List depth models, and how their downloads are",
                   responses={200: listed, **problems()})(self.list_models)
        router.post("/models/{model_id}/download", summary="Fetch a model's weights", status_code=202,
                    responses={202: listed, **problems()})(self.download_model)
        router.delete("/models/{model_id}/download", summary="Stop a download; what is here is kept for the next",
                      responses={200: listed, **problems()})(self.stop_download)
        return router

    async def list_models(self, request: Request) -> Response:
        """Best first; ask again to see how downloads come along."""
        del request
        return JSONResponse(await self._context.wait_for(self._models))

    async def download_model(self, request: Request, model_id: str) -> Response:
        """It goes on by itself. Its licence counts for you."""
        del request
        await self._context.wait_for(self._start, model_id)
        return JSONResponse(await self._context.wait_for(self._models), 202)

    async def stop_download(self, request: Request, model_id: str) -> Response:
        """Nothing happens where there is none."""
        del request
        await self._context.wait_for(self._downloads.stop, model_id)
        return JSONResponse(await self._context.wait_for(self._models))

    def _start(self, model_id: str) -> None:
        host = self._service.host
        self._downloads.start(find_model(model_id, available_models(host)), host.models_folders()[0])

    def _models(self) -> dict[str, Any]:
        host = self._service.host
        models = available_models(host)
        chosen = choose_model("auto", models).model.id
        return {"models": [{
            "id": model.id, "label": model.label, "licence": model.licence, "non_commercial": model.non_commercial,
            "availability": model.availability.value, "bytes": sum(weights.size for weights in model.weights),
            "needs": model.lacks, "chosen": model.id == chosen, "slow": is_slow(model, host),
            **self._downloads.told(model.id, self._service.public),
        } for model in models]}


def is_slow(model: DepthModel, host: Host) -> bool:
    """Whether a network takes seconds for each picture, because the processor does its work.

    torch is asked, which takes a while to import, only where using the network would import it anyway.
    """
    may_ask = model.is_usable or bool(host.devices)
    return model.needs_gpu_turn and may_ask and runs_on_processor(model, DepthSettings(), host)
