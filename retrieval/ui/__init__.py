"""The page in the browser. Only this package (and app.py) knows gradio."""

from retrieval.ui.page import build_page
from retrieval.ui.theme import launch_options

__all__ = ["build_page", "launch_options"]
