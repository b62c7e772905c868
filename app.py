"""The app: settings -> engine -> page -> launch. `make app`, `python app.py` and a Space all start here.

The page is up before the model is loaded: the engine starts to load in the background once the server answers.
"""

from __future__ import annotations

import logging
import os
import sys

from retrieval.threads import settle

settle()  # before anything imports numpy
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
FORBIDDEN = (
    "GRADIO_VIBE_MODE",
    "GRADIO_ALLOWED_PATHS",
    "GRADIO_SHARE",
)  # doors in gradio that the environment could open


log = logging.getLogger("guise")


def main() -> None:
    """Serve until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for talkative in ("httpx", "faiss.loader"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    if opened := [name for name in FORBIDDEN if os.environ.get(name)]:
        sys.exit(
            f"{' and '.join(opened)} must not be set: the page would serve or change more than its gallery. Unset it."
        )

    from retrieval.decoder import DECODERS
    from retrieval.engine import Engine, Settings
    from retrieval.errors import RetrievalError
    from retrieval.ui import build_page, launch_options

    try:
        settings = Settings.from_environment()
        engine = Engine(settings)
        page = build_page(engine)
    except RetrievalError as error:
        sys.exit(str(error))
    page.launch(
        server_name=settings.host,
        server_port=settings.port,
        prevent_thread_lock=True,
        quiet=True,
        **launch_options(engine),
    )
    log.info("Guise is on http://%s:%d", settings.host, settings.port)
    engine.warm()
    DECODERS.warm()
    page.block_thread()


if __name__ == "__main__":
    main()
