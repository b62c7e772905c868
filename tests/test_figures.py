"""A sentence finds figures: in two stages, with a box for every phrase, among test identities alone."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval.errors import EmptyQuery, GalleryError, SettingsError
from retrieval.figures import ServedFigures, box_of
from retrieval.items import ITEMS
from retrieval.phrases import phrases_of, recoloured
from tests.methods.toy_mra import PAIRS, figure, sentence, toy_mra


def gallery(folder: Path) -> Path:
    """Nine painted figures, of which the last three were trained on."""
    lines = []
    for number, pair in enumerate(PAIRS):
        upright = ((figure(*pair)[:, :, 16:48].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
        Image.fromarray(upright).save(folder / f"{number}.png")
        line = {"id": f"f{number}", "path": f"{number}.png", "label": f"person-{number}", "domain": "street"}
        lines.append(json.dumps(line | {"caption": sentence(*pair), "split": "test" if number < 6 else "train"}))
    (folder / ITEMS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


class Painted(ServedFigures):
    """Toy MRA over those figures."""

    weights = "the toy"

    @property
    def offered(self) -> bool:
        return True

    def _load(self) -> None:
        self._method = toy_mra().eval()
        self._look(self.home / "index" / "toy", self.weights)


@pytest.fixture
def served(tmp_path: Path) -> ServedFigures:
    return Painted(tmp_path, gallery(tmp_path))


def test_only_test_identities_are_found(served: ServedFigures) -> None:
    answer = served.search("a red hat", 48)
    assert {hit.item.id for hit in answer.hits} == {f"f{number}" for number in range(6)}
    assert [hit.rank for hit in answer.hits] == [1, 2, 3, 4, 5, 6]


def test_the_order_is_that_of_the_fusion_encoder(served: ServedFigures) -> None:
    matches = [hit.match for hit in served.search("wears a red hat", 6).hits]
    spread = max(matches) - min(matches)
    assert all(b <= a + 0.005 * spread for a, b in pairwise(matches))


def test_every_phrase_has_a_box_inside_every_picture(served: ServedFigures) -> None:
    answer = served.search("wears a red hat and a blue coat", 3)
    assert [phrase.text for phrase in answer.phrases] == ["red hat", "blue coat"]
    for hit in answer.hits:
        assert len(hit.boxes) == 2
        assert all(min(box) >= 0 and box[0] + box[2] <= 1 and box[1] + box[3] <= 1 for box in hit.boxes)


def test_a_changed_sentence_says_how_it_fits_the_figures_of_the_first(served: ServedFigures) -> None:
    first, second = served.beside("wears a red hat", "wears a green hat", 6)
    own = {hit.item.id: hit.match for hit in second.hits}
    assert all(hit.changed == pytest.approx(own[hit.item.id], abs=0.02) for hit in first.hits)


@pytest.mark.parametrize(("text", "error"), [("  ", EmptyQuery), ("x" * 513, SettingsError)])
def test_a_sentence_that_cannot_be_searched_is_refused(
    served: ServedFigures, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        served.search(text)


def test_figures_are_looked_at_once(served: ServedFigures, monkeypatch: pytest.MonkeyPatch) -> None:
    first = served.search("a red hat", 6).hits
    monkeypatch.setattr("retrieval.figures_index.look", lambda *_: pytest.fail("they were looked at again"))
    again = Painted(served.folder, served.home).search("a red hat", 6).hits
    assert [hit.item.id for hit in again] == [hit.item.id for hit in first]
    assert [hit.match for hit in again] == pytest.approx([hit.match for hit in first], abs=0.02)


@pytest.mark.parametrize("change", ["picture", "weights", "damage"])
def test_figures_are_looked_at_again_when_something_has_changed(
    served: ServedFigures, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.wait()
    if change == "picture":
        Image.new("RGB", (64, 128), "red").save(served.home / "0.png")
    elif change == "weights":
        monkeypatch.setattr(Painted, "weights", "others")
    else:
        (served.home / "index" / "toy" / "places.safetensors").write_bytes(b"half of it")
    looked: list[str] = []
    monkeypatch.setattr(Painted, "_say", lambda _, progress: looked.append(progress))
    assert Painted(served.folder, served.home).search("a red hat", 6).hits
    assert looked == ["Looking at the figures: 0 of 6"]


def test_a_folder_that_cannot_be_written_changes_no_answer(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file where the folder should be")
    assert len(Painted(tmp_path, gallery(tmp_path)).search("a red hat", 6).hits) == 6


def test_a_page_without_figures_says_so(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="no mra"):
        ServedFigures(tmp_path / "mra", tmp_path).search("a red hat")


def test_the_votes_for_a_phrase_are_shares_of_the_strongest(served: ServedFigures) -> None:
    served.wait()
    votes = served._method.votes(["red hat", "blue coat"], torch.randn(3, 8, 32))
    assert votes.shape == (3, 2, 8)
    torch.testing.assert_close(votes.amax(dim=-1), torch.ones(3, 2))
    assert votes.min() >= 0


def test_a_box_surrounds_what_is_lit() -> None:
    lit = np.zeros((4, 4), bool)
    lit[1, 0] = lit[2, 1] = True
    assert box_of(lit) == (0.0, 0.25, 0.5, 0.5)


def test_people_and_what_they_do_are_no_things() -> None:
    text = "A woman walking in the street, seen from behind, with long blond hair and a navy T-shirt"
    assert [phrase.text for phrase in phrases_of(text)] == ["long blond hair", "navy T-shirt"]


def test_another_colour_takes_the_right_article() -> None:
    assert [text for _, _, text in recoloured("An orange cap and a coat")] == ["A red cap and a coat"]
