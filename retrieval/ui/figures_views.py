"""What a search for figures shows, as HTML: the sentence with its phrases, the figures, and where each phrase is seen.

Pure functions from values to text; sentences and captions go through `escape`.
"""

from __future__ import annotations

from html import escape

from retrieval.figures import Figure, Figures
from retrieval.phrases import recoloured
from retrieval.ui.pictures import picture
from retrieval.ui.views import described

WHY = (
    '<p class="aside">Searching for a person by description is a tool of surveillance, so only invented figures are '
    "here: rendered by a program, none of them a picture of anybody.</p>"
)
LIT = (
    '<p class="aside">Point at a phrase, or choose it, to see where each picture shows it: windows of the picture vote '
    "by how near their region codes are to the code of the phrase. The number is the log odds that the fusion encoder "
    "gives to the whole sentence.</p>"
)
EXAMPLES = (
    "A person in a purple cap, a brown jacket and blue jeans",
    "Somebody with a blue jacket, a yellow top and brown sneakers",
    "A figure with long black hair, a black scarf and a yellow jacket",
)


def status(first: Figures, second: Figures | None = None) -> str:
    """What was asked, how many figures there are, how long it took."""
    seconds = first.seconds + (second.seconds if second else 0.0)
    asked = f"“{first.text}”" + (f" beside “{second.text}”" if second else "")
    return (
        f'<p class="status"><strong>{escape(asked)}</strong> <span>{len(first.hits)} of {first.gallery_size} '
        f"figures · {seconds * 1000:.0f} ms</span></p>"
    )


def results(first: Figures, second: Figures | None = None) -> str:
    """The answer to a sentence, with changes to try; or that and the answer to the changed sentence, side by side."""
    answers = "".join(_answer(one) for one in (first, second) if one)
    return (
        f'<div class="figures">{LIT}{"" if second else _changes(first.text)}<div class="beside">{answers}</div></div>'
    )


def _answer(answer: Figures) -> str:
    cards = "".join(map(_card, answer.hits))
    return f'<section class="told"><h2>{_sentence(answer)}</h2><ol>{cards}</ol></section>'


def _sentence(answer: Figures) -> str:
    """The sentence, with a button for each phrase."""
    parts, at = [], 0
    for number, phrase in enumerate(answer.phrases):
        parts.append(escape(answer.text[at : phrase.start]))
        parts.append(
            f'<button type="button" data-phrase="{number}" aria-pressed="false">{escape(phrase.text)}</button>'
        )
        at = phrase.end
    return "".join(parts) + escape(answer.text[at:])


def _card(figure: Figure) -> str:
    item, changed = figure.item, figure.changed
    spots = "".join(
        f'<i class="spot" data-of="{number}" style="left:{x:.2%};top:{y:.2%};width:{w:.2%};height:{h:.2%}"></i>'
        for number, (x, y, w, h) in enumerate(figure.boxes)
    )
    then = "" if changed is None else f'<small>changed: <data value="{changed:.2f}">{changed:+.1f}</data></small>'
    return (
        f'<li data-figure="{escape(item.id)}"><span class="seen"><img src="{picture(item.path)}" '
        f'alt="{escape(described(item))}" title="{escape(described(item))}" loading="lazy" width="96" height="192">'
        f'{spots}</span><span><b>{escape(item.label or "")}</b> <data value="{figure.match:.2f}">{figure.match:+.1f}'
        f"</data></span>{then}</li>"
    )


def _changes(text: str) -> str:
    """Buttons that put the answer to the sentence with another colour beside this one."""
    buttons = "".join(
        f'<button type="button" class="plain" data-text="{escape(text)}" data-changed="{escape(changed)}">'
        f"{escape(old)} → {escape(new)}</button>"
        for old, new, changed in recoloured(text)
    )
    return f'<p class="actions"><span class="eyebrow">What if</span>{buttons}</p>' if buttons else ""
