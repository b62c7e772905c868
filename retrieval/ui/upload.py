"""The picture to search with: chosen, dropped or pasted, sent as it is.

`gr.Image` decodes an upload before a handler sees it, so a picture bomb would be open before anything could refuse it.
Here the handler gets a path, and `retrieval.images.open_image` makes every check.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from retrieval.formats import ACCEPTED, VISITOR

TEMPLATE = f"""
<label class="zone" data-part="zone">
  <input type="file" class="unseen" data-part="file" accept="{",".join(ACCEPTED)}" aria-label="Picture to search with">
  <img data-part="preview" alt="The picture that you chose" hidden>
  <span class="invite"><strong>Choose a picture</strong> or drop it here.
    <span class="pastes"><br>Pasting works too.</span></span>
</label>
<div class="chosen">
  <p class="said" data-part="said" role="status"></p>
  <button type="button" class="plain" data-part="remove" aria-label="Remove the picture" hidden>Remove</button>
</div>
"""


def picture_upload(*, pastes: bool = True, **options: Any) -> gr.HTML:
    """A place for one picture. Value: {"path", "name"} of the uploaded file, or None. Event: `input`, when one is
    there; removing it only empties the value. `pastes`: whether a pasted picture goes there while it can be seen.
    """
    return gr.HTML(
        value=None,
        html_template=TEMPLATE,
        js_on_load=Path(__file__).with_name("upload.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        max_bytes=VISITOR.bytes,
        pastes=pastes,
        **options,
    )
