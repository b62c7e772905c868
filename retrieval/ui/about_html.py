"""What the tab "About" says, as HTML: what Guise is, what its model has seen, what not to trust it with.

It is prose and facts of a bundle, apart from what a search shows. Facts may be a stranger's and go through `escape`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from retrieval.ui.pictures import SHEETS, picture

MANY = 20  # names that are shown at once
ABOUT = """
<div class="about">
<section><h2>What it is</h2>
<p>Guise searches pictures across styles. A drawing, a photo or a few words go in; what comes back shows the same thing
as a photo, a painting, a cartoon, a mosaic, an engraving or a sketch. One small neural network maps drawings, pictures
and words to points of one space, and the closest points are the answer.</p>
<p>The score of a hit is the cosine between the two points: 1 is the same direction, 0 is unrelated. Where the model
knows names, it also reads query and picture as names, and the score is a mean of that cosine and of how alike the two
are read.</p></section>
{world}
<section><h2>What the model has seen</h2>{model}
<p>How well it finds things, beside methods that learnt nothing, is under Evaluate.</p></section>
<section><h2>What not to trust it with</h2><ul>
<li>It knows the classes it was trained on. Anything else gets the nearest of those, or “No confident match”.</li>
<li>A score compares hits of one query. It is no probability, and a drawing’s scores do not compare with a text’s.</li>
<li>The pictures of the gallery “world” are rendered by a program; none of them is a photo of a real thing.</li>
<li>It does not recognise people, read writing or judge anything that matters to someone.</li></ul></section>
<section><h2>Your pictures</h2>
<p>What you draw, upload or type goes to the machine that runs this page and no further. It is used for the search
alone; uploads are deleted within twenty minutes. The page loads nothing from anywhere else.</p></section>
<section><h2>From a program</h2>
<pre tabindex="0"><code>from gradio_client import Client, handle_file

guise = Client("http://127.0.0.1:7860")
guise.predict("a red apple", 8, api_name="/search_text")
guise.predict(handle_file("duck.jpg"), 8, ["cartoon"], api_name="/search_image")
# [{{"id": "...", "label": "duck", "domain": "cartoon", "score": 0.83, "rank": 1}}, ...]</code></pre>
<p><code>/search_text</code>, <code>/search_image</code>, <code>/search_drawing</code> and <code>/search_item</code>
take after the query <code>k</code>, <code>domains</code>, <code>cutoff</code>, <code>gallery</code>,
<code>labels</code> and <code>method</code>. <code>/why_drawing</code>, <code>/why_image</code> and
<code>/why_item</code> take the query and the id of a hit, and return the reasons for it.
<code>/search_people</code> takes a sentence about a figure, <code>k</code> and a changed sentence.
What Object &amp; style shows comes from <code>/object_style_card</code>, <code>/object_style_grid</code> and eight
more.</p>
</section>
</div>
"""


WORLD = (  # title, what is told, file, what the picture shows
    (
        "The world",
        "The gallery is a world made by a program: 64 kinds of things, each modelled with free proportions, colours "
        "and poses, lit and photographed by a path tracer, and drawn by six hands. So all that a picture "
        "shows is known exactly: class, style, colours, parts, mask.",
        "world.png",
        "Every class of the world in every style",
    ),
    (
        "Its people",
        "Searching for a person by description is a tool of surveillance, so here it works on invented figures only. "
        "No picture of a real person was used to make them. They come from a studio and from a street. Under Text, "
        "People finds those of the street that training never had.",
        "people.png",
        "Synthetic people from several sides, with captions",
    ),
    (
        "Emoji and icons",
        "The gallery “emoji” was made by people: the same things as ten sets of emoji and icons draw them. Noto Emoji, "
        "its first version (“blob”) and FxEmojis are under Apache-2.0, Fluent Emoji under MIT, Twemoji, EmojiOne 2 and "
        "Streamline Emojis under CC BY 4.0, Game-icons.net under CC BY 3.0 and OpenMoji under CC BY-SA 4.0; authors, "
        "sources and changes are listed in assets/emoji/README.md. Nothing is trained on this gallery, but a model "
        "that learned from emoji has seen other renderings of many of these drawings.",
        "emoji.png",
        "Some things as all ten sets draw them",
    ),
)


def about(facts: Mapping[str, Any]) -> str:
    """What Guise is, what its model has seen, what it must not be trusted with, and how a program calls it."""
    return ABOUT.format(model=_model(facts), world="".join(_sheet(*part) for part in WORLD))


def _sheet(title: str, words: str, name: str, described: str) -> str:
    """A part of the world, told and shown; nothing where its sheet was not shipped."""
    path = SHEETS / name
    if not path.is_file():
        return ""
    return (
        f'<section class="wide"><h2>{title}</h2><p>{words}</p>'
        f'<a href="{picture(path)}" target="_blank"><img src="{picture(path)}" alt="{described}" loading="lazy"></a>'
        "</section>"
    )


def _model(facts: Mapping[str, Any]) -> str:
    if not facts:
        return "<p>The model is still loading.</p>"
    rows = {
        "Model": facts.get("fingerprint") or facts.get("name"),
        "Method": facts.get("method"),
        "Trained on": [_source(source) for source in facts.get("trained_on", ())],
        "Styles": ", ".join(facts.get("domains", ())),
        "Classes": ", ".join(facts.get("classes", ())),
        "Never seen in training": ", ".join(facts.get("unseen_classes", ())),
        "Measured": [f"{name}: {value:.3f}" for name, value in facts.get("metrics", {}).items()],
    }
    listed = (f"<div><dt>{term}</dt><dd>{_fact(value)}</dd></div>" for term, value in rows.items() if value)
    return f"<dl>{''.join(listed)}</dl>" + "".join(map(_model, facts.get("others", ())))


def _source(source: Mapping[str, Any]) -> str:
    return f"{source.get('data')} ({source.get('pictures')} pictures, {source.get('licence')})"


def _fact(value: str | Sequence[str]) -> str:
    """A fact as HTML: a text, or one line each; a long list is folded behind its length."""
    if not isinstance(value, str):
        return "<br>".join(map(escape, value))
    names = value.split(", ")
    if len(names) <= MANY:
        return escape(value)
    return f"<details><summary>{len(names)}: {escape(', '.join(names[:3]))} …</summary>{escape(value)}</details>"
