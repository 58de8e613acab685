"""The webui runs this at its start and at every "Reload UI". All else is in the package `video3d`."""

from modules import script_callbacks  # pyright: ignore[reportMissingImports]

from video3d.webui.extension import Extension
from video3d.webui.kinds import kind_of_webui

Extension(kind_of_webui()).register(script_callbacks)
