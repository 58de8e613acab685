"""The tab: one page for AUTOMATIC1111, Forge, reForge, and stand-alone. The only place that imports gradio."""

from __future__ import annotations

from video3d.ui.tab import PLAYER_VIEWS, PlayerOptions, TabOptions, create_tab, draw_tab

__all__ = ["PLAYER_VIEWS", "PlayerOptions", "TabOptions", "create_tab", "draw_tab"]
