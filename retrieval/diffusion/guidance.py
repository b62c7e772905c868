"""How strongly a prompt is insisted upon: the values that the page, the samplers and the trainings share."""

from __future__ import annotations

GUIDANCE = 3.0
MOST_GUIDANCE = 6.0  # above about 7, colours saturate and pass for style

# Of a student, which has learned a guidance: only while that which each weight is of is decided, at noise steps of 1000
STUDENT_BY_MAP, LAID_OUT_ABOVE = 3.0, 700
STUDENT_BY_WORDS, PAINTED_BELOW = 3.0, 400
