"""All routes together, and an application that has nothing else."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBasic

from video3d import __version__
from video3d.api.guard import Guard
from video3d.api.job_routes import JobRoutes
from video3d.api.model_routes import ModelRoutes
from video3d.api.page_routes import PageRoutes
from video3d.api.preview_routes import PreviewRoutes
from video3d.api.report_routes import ReportRoutes
from video3d.api.routing import Context
from video3d.api.service import Service
from video3d.api.settings_routes import SettingsRoutes
from video3d.api.shot_routes import ShotRoutes
from video3d.api.tab_routes import keep_for_tab
from video3d.api.upload_routes import UploadRoutes


def build_router(service: Service, guard: Guard, prefix: str, *, for_tab_alone: bool = False) -> APIRouter:
    """Every route, or those that the tab needs, behind the guard."""
    context = Context(service, guard)
    # The guard does the work; this tells the OpenAPI document that there may be one.
    documented = [Depends(HTTPBasic(auto_error=False))] if guard.needs_login else []
    router = APIRouter(prefix=prefix, dependencies=documented)
    for part in (SettingsRoutes, ModelRoutes, UploadRoutes, ShotRoutes, JobRoutes, PreviewRoutes, PageRoutes,
                 ReportRoutes):
        made = part(context).router()
        if for_tab_alone:
            keep_for_tab(made.routes)
        router.include_router(made)
    return router


def build_app(service: Service, guard: Guard, prefix: str) -> FastAPI:
    """A server of its own."""
    app = FastAPI(title="video3d", version=__version__, description="Turns 2D video into 3D (stereo) video.",
                  docs_url=None, redoc_url=None, openapi_url=f"{prefix}/openapi.json")
    app.include_router(build_router(service, guard, prefix))
    return app
