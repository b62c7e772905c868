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
log = logging.getLogger("guise")


def main() -> None:
    """Serve until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for talkative in ("httpx", "faiss.loader"):
        logging.getLogger(talkative).setLevel(logging.WARNING)

    from retrieval.decoder import DECODERS
    from retrieval.engine import Engine, Settings
    from retrieval.errors import RetrievalError
    from retrieval.startup import check_address, check_doors, keep_swept, own_folder

    try:
        check_doors()
        settings = Settings.from_environment()
        check_address(settings.host, settings.port)
        uploads = own_folder()  # before gradio is imported, which asks for it

        from retrieval.ui import build_page, launch_options

        engine = Engine(settings)
        page = build_page(engine)
    except RetrievalError as error:
        log.error("error: %s", error)
        sys.exit(2)
    keep_swept(uploads)
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
