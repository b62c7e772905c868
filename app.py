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
    from retrieval.decoder import DECODERS
    from retrieval.engine import Engine, Settings
    from retrieval.errors import RetrievalError
    from retrieval.logs import adopt_server, begin_log
    from retrieval.serving import Readiness, Stop, leave
    from retrieval.startup import check_address, check_doors, keep_swept, own_folder

    begin_log("text")
    stop = Stop()
    try:
        check_doors()
        settings = Settings.from_environment()
        begin_log(settings.log)
        check_address(settings.host, settings.port)
        uploads = own_folder()  # before gradio is imported, which asks for it

        from retrieval.ui import build_page, launch_options

        engine = Engine(settings)
        page = build_page(engine)
        readiness = Readiness(engine)
    except RetrievalError as error:
        log.error("error: %s", error)
        sys.exit(2)
    keep_swept(uploads)
    address = {"server_name": settings.host, "server_port": settings.port, "root_path": settings.root_path or None}
    page.launch(**address, prevent_thread_lock=True, quiet=True, **launch_options(engine, readiness))
    adopt_server()
    log.info("Guise is on http://%s:%d", settings.host, settings.port)
    engine.warm()
    DECODERS.warm()
    readiness.announce()
    stop.wait(readiness.traffic)
    page.close(verbose=False)
    DECODERS.close()
    leave()


if __name__ == "__main__":
    main()
