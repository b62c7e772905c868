"""What whoever runs the app needs of it, beside the page: whether it is up and answers, what it writes into its log,
and how it ends. Nothing here knows gradio.
"""

from retrieval.serving.logs import adopt_server, begin_log
from retrieval.serving.readiness import Readiness
from retrieval.serving.stop import Stop, leave
from retrieval.serving.traffic import Traffic

__all__ = ["Readiness", "Stop", "Traffic", "adopt_server", "begin_log", "leave"]
