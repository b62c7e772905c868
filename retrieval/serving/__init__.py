"""What whoever runs the app needs of it, beside the page: whether it is up and answers, what is asked of it, and how
it ends. Nothing here knows gradio.
"""

from retrieval.serving.readiness import Readiness
from retrieval.serving.stop import Stop, leave
from retrieval.serving.traffic import Traffic

__all__ = ["Readiness", "Stop", "Traffic", "leave"]
