"""Colours, type and the options that `launch` takes: nothing on the page comes from another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.themes.utils import colors, fonts, sizes
from starlette.middleware import Middleware

from retrieval.serving.readiness import Probes, Readiness
from retrieval.serving.traffic import Watched
from retrieval.ui.guard import Guard
from retrieval.ui.pictures import Pictures, Shown

if TYPE_CHECKING:
    from retrieval.engine import Engine

STYLE = Path(__file__).resolve().parents[2] / "assets" / "style.css"

PERSIMMON = colors.Color(
    name="persimmon",
    c50="#fdf3ed",
    c100="#fbe4d7",
    c200="#f6c8ae",
    c300="#f0a57e",
    c400="#e97d4c",
    c500="#d95f2a",
    c600="#b9481a",
    c700="#983a17",
    c800="#7a3018",
    c900="#5f2816",
    c950="#35130a",
)
SAND = colors.Color(
    name="sand",
    c50="#fbf9f6",
    c100="#f4f0ea",
    c200="#e8e1d7",
    c300="#d5cbbd",
    c400="#a89c8b",
    c500="#7b7063",
    c600="#62584d",
    c700="#453e36",
    c800="#2b2621",
    c900="#1e1a17",
    c950="#151210",
)


def theme() -> gr.themes.Base:
    """Warm paper and persimmon, light and dark. Not all font files of gradio hold Latin letters; these do."""
    look = gr.themes.Base(
        primary_hue=PERSIMMON,
        secondary_hue=PERSIMMON,
        neutral_hue=SAND,
        radius_size=sizes.radius_lg,
        font=[
            fonts.LocalFont("IBM Plex Sans", (400, 700)),
            fonts.LocalFont("Quicksand", (700,)),
            "system-ui",
            "sans-serif",
        ],
        font_mono=[fonts.LocalFont("IBM Plex Mono", (400, 700)), "ui-monospace", "monospace"],
    )
    return look.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="*neutral_950",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_label_text_color="*body_text_color_subdued",
        block_title_text_color="*body_text_color_subdued",
        block_title_text_weight="600",
        block_info_text_color="*body_text_color_subdued",
        border_color_primary="*neutral_300",
        border_color_primary_dark="*neutral_700",
        color_accent="*primary_600",
        color_accent_soft="*primary_100",
        color_accent_soft_dark="*primary_900",
        input_background_fill="white",
        input_background_fill_dark="*neutral_900",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        input_border_width="1px",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
    )


def launch_options(engine: Engine, readiness: Readiness | None = None) -> dict[str, Any]:
    """What `launch` needs beside host and port: the look, every door that is not used shut, and who answers probes and
    counts requests.
    """
    readiness = readiness or Readiness(engine)
    middleware = [
        Middleware(Watched, traffic=readiness.traffic),
        Middleware(Guard),
        Middleware(Probes, readiness=readiness),
        Middleware(Pictures, find=Shown(engine).find),
    ]
    return {
        "theme": theme(),
        "css_paths": [STYLE],
        "footer_links": [],
        "max_file_size": "10mb",
        "show_error": False,
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "share": False,
        "allowed_paths": [],
        "state_session_capacity": 500,
        "app_kwargs": {"middleware": middleware},
    }
