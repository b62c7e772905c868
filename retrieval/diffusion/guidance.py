"""How strongly a prompt is insisted upon: the values that the page, the samplers and the trainings share."""

from __future__ import annotations

GUIDANCE = 3.0
MOST_GUIDANCE = 6.0  # above about 7, colours saturate and pass for style
