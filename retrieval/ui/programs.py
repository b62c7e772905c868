"""The searches of the page for programs, and the reasons for a hit, as plain JSON.

Their names, parameters and docstrings are the API that a program reads, so they stand apart from the page's handlers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from retrieval.items import hit_as_json
from retrieval.ui.errors import on_api
from retrieval.ui.queries import Asked, read_drawing, read_item, read_picture, read_text

if TYPE_CHECKING:
    from retrieval.engine import Engine

Hits = list[dict[str, Any]]


class Programs:
    """The endpoints, over the engine of the page."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @on_api
    def search_drawing(
        self,
        strokes: str | dict[str, Any],
        k: int = 24,
        domains: list[str] | None = None,
        cutoff: float | None = None,
        gallery: str | None = None,
        labels: list[str] | None = None,
        method: str | None = None,
    ) -> Hits:
        """The k pictures closest to a drawing.

        It reads {"width", "height", "strokes": [{"points": [[x, y], ...], "width", "erase"}]}. All four searches return
        [{"id", "label", "domain", "score", "rank"}], best first, and take the same options: `domains` and `labels` keep
        pictures of these styles and classes, `cutoff` keeps hits that score at least that, `gallery` names a gallery,
        `method` a method ("" or None: the default).
        """
        return self._hits(read_drawing(strokes), k, domains, cutoff, gallery, labels, method)

    @on_api
    def search_image(
        self,
        image: dict[str, Any],
        k: int = 24,
        domains: list[str] | None = None,
        cutoff: float | None = None,
        gallery: str | None = None,
        labels: list[str] | None = None,
        method: str | None = None,
    ) -> Hits:
        """The k pictures closest to an uploaded picture (`handle_file("duck.jpg")` in gradio_client)."""
        return self._hits(read_picture(image), k, domains, cutoff, gallery, labels, method)

    @on_api
    def search_text(
        self,
        text: str,
        k: int = 24,
        domains: list[str] | None = None,
        cutoff: float | None = None,
        gallery: str | None = None,
        labels: list[str] | None = None,
        method: str | None = None,
    ) -> Hits:
        """The k pictures closest to words such as "a red apple"."""
        return self._hits(read_text(text), k, domains, cutoff, gallery, labels, method)

    @on_api
    def search_item(
        self,
        item_id: str,
        k: int = 24,
        domains: list[str] | None = None,
        cutoff: float | None = None,
        gallery: str | None = None,
        labels: list[str] | None = None,
        method: str | None = None,
    ) -> Hits:
        """The k pictures closest to a picture of the gallery."""
        return self._hits(
            read_item(self.engine, {"id": item_id, "gallery": gallery}), k, domains, cutoff, gallery, labels, method
        )

    @on_api
    def why_drawing(
        self, strokes: str | dict[str, Any], item_id: str, gallery: str | None = None, method: str | None = None
    ) -> dict[str, Any]:
        """Why the picture of the gallery with this id is a hit of a drawing.

        "similarity" is the cosine of the two; "falls" in "query" and in "hit" says, row by row of a grid over the
        picture, by how much it falls while that part is hidden. DSN also tells "modality" and "memory", which are null
        for other methods.
        """
        return self._reasons(read_drawing(strokes), item_id, gallery, method)

    @on_api
    def why_image(
        self, image: dict[str, Any], item_id: str, gallery: str | None = None, method: str | None = None
    ) -> dict[str, Any]:
        """Why the picture of the gallery with this id is a hit of an uploaded one; see `why_drawing`."""
        return self._reasons(read_picture(image), item_id, gallery, method)

    @on_api
    def why_item(
        self, query_id: str, item_id: str, gallery: str | None = None, method: str | None = None
    ) -> dict[str, Any]:
        """Why a picture of the gallery is a hit of another one of it; see `why_drawing`."""
        return self._reasons(read_item(self.engine, {"id": query_id, "gallery": gallery}), item_id, gallery, method)

    def _hits(
        self,
        asked: Asked,
        k: int,
        domains: list[str] | None,
        cutoff: float | None,
        gallery: str | None,
        labels: list[str] | None,
        method: str | None,
    ) -> Hits:
        answer = self.engine.search(
            asked[0], gallery=gallery, k=k, domains=domains or (), labels=labels or (), cutoff=cutoff, method=method
        )
        return [hit_as_json(hit) for hit in answer.hits if cutoff is None or hit.score >= cutoff]

    def _reasons(self, asked: Asked, item_id: str, gallery: str | None, method: str | None) -> dict[str, Any]:
        from retrieval.why import as_json as reasons_as_json  # here: it imports torch

        explanation = self.engine.why(asked[0], item_id, gallery=gallery, method=method)
        return cast("dict[str, Any]", reasons_as_json(explanation))
