"""What a bundle has seen is what every stage behind it has seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval.artifacts.card import card
from retrieval.artifacts.manifest import CHECKPOINTS, MANIFEST, Manifest, Source, Stage, is_sealed, read_manifest
from retrieval.artifacts.provenance import Provenance
from retrieval.errors import BundleError
from retrieval.images import Preprocess

RENDERS, DRAWINGS = Source("renders", "Apache-2.0", 9), Source("drawings", "CC BY 4.0", 5)
NOTHING = Provenance()
TRUNK = Stage("lite0", "trunk", classes=("pear",), domains=("photo",), pretrained="photographs, by the trunk")


def own(name: str, **seen: tuple[str, ...]) -> Provenance:
    return Provenance((Stage(name, **seen),))


def manifest(provenance: Provenance = NOTHING, **entries: object) -> Manifest:
    told = {"domains": ("photo",), "classes": ("duck",), **entries}
    return Manifest("tiny", "dsn", {}, Preprocess(32), dim=8, files={}, provenance=provenance.stages, **told)


def chain() -> Provenance:
    """An encoder, a prior that reads by its text tower, and a coder that begins as the one and learns from both."""
    encoder = own("encoder", classes=("duck", "owl"), domains=("photo", "emoji"))
    prior = encoder.inherit("text tower").merge(own("prior", names=("pear",), domains=("doodle",)))
    return encoder.inherit("start").merge(prior.inherit("prior"), own("coder", unlabelled=("banana",)))


def test_a_stage_keeps_its_name_and_says_what_it_is_to_the_bundle() -> None:
    assert [(stage.name, stage.role) for stage in chain().stages] == [
        ("encoder", "start, text tower of the prior"),
        ("prior", "prior"),
        ("coder", ""),
    ]


def test_everything_is_inherited_and_what_is_last_comes_first() -> None:
    later = chain().inherit("start").merge(own("last", classes=("tree", "duck"), domains=("sketch", "photo")))
    assert later.classes == ("tree", "duck", "owl")
    assert later.domains == ("sketch", "photo", "doodle", "emoji")
    both = Provenance((), (RENDERS,)).merge(Provenance((), (RENDERS, DRAWINGS)))
    assert both.sources == (RENDERS, DRAWINGS)


@pytest.mark.parametrize(
    ("unseen", "styles", "reason"),
    [
        (("owl",), (), "has seen the class 'owl', by its start, text tower of the prior, \"encoder\""),
        (("banana",), (), "has seen pictures without labels of the class 'banana'"),
        (("pear",), (), "has seen the name 'pear', by its prior, \"prior\""),
        ((), ("doodle",), "has seen the style 'doodle', by its prior, \"prior\""),
        ((), ("emoji",), "has seen the style 'emoji', by its start, text tower of the prior, \"encoder\""),
        (("horse",), ("sketch",), None),
    ],
)
def test_a_contradiction_names_the_stage_and_how_it_saw_it(
    unseen: tuple[str, ...], styles: tuple[str, ...], reason: str | None
) -> None:
    assert chain().contradiction(unseen, styles) == reason


def test_a_synonym_of_a_class_gives_it_away() -> None:
    words = {"hoot owl": "owl", "steed": "horse"}
    read = own("reader", names=("hoot owl", "steed"))
    assert read.contradiction(("owl",), synonyms=words) == "has seen the name 'hoot owl'"
    assert read.contradiction(("pear",), synonyms=words) is None


def test_published_weights_may_name_a_class_in_photographs_but_have_seen_their_domain() -> None:
    provenance = Provenance((TRUNK,)).merge(own("tiny", classes=("duck",)))
    assert provenance.contradiction(("pear",)) is None
    assert provenance.contradiction((), ("photo",)) == "has seen the style 'photo', by its trunk, \"lite0\""
    assert provenance.classes == ("duck",)
    assert provenance.keeps_unseen(("pear", "duck")) == ("pear",)


def test_a_card_shows_every_stage_and_what_published_weights_have_seen() -> None:
    provenance = Provenance((TRUNK,)).merge(chain().inherit("start"), own("tiny", classes=("duck",)))
    text = card(manifest(provenance, unseen_classes=("pear",)))
    assert "| lite0 | trunk | photographs, by the trunk | | | photo |" in text
    assert "| encoder | start of the start, text tower of the prior of the start | 2 | 0 | 0 | photo, emoji |" in text
    assert "| coder | start | 0 | 1 | 0 |  |" in text
    assert "| tiny | its own training | 1 | 0 | 0 |  |" in text
    assert "word of our training: pear. Published weights behind it: lite0 (photographs, by the trunk)." in text


def test_a_bundle_without_stages_has_seen_what_its_manifest_says() -> None:
    assert Provenance.of(manifest()).stages == (Stage("tiny", classes=("duck",), domains=("photo",)),)


def write(folder: Path, **payload: object) -> Path:
    (folder / MANIFEST).write_text(json.dumps(payload))
    return folder


def test_any_sealed_folder_says_what_it_has_seen(tmp_path: Path) -> None:
    judged = write(tmp_path, format="guise-judge/1", config={"classes": ["duck"], "styles": ["photo"]})
    assert Provenance.at(judged).stages == (Stage(tmp_path.name, classes=("duck",), domains=("photo",)),)
    told = write(tmp_path, format="guise-text/1", name="minilm", saw="texts of the web")
    assert Provenance.at(told).stages == (Stage("minilm", pretrained="texts of the web"),)
    stages = [{"name": "a", "classes": ["owl"]}, {"name": "b"}]
    listed = write(tmp_path, format="guise-prior/1", name="b", provenance=stages)
    assert Provenance.at(listed).stages == (Stage("a", classes=("owl",)), Stage("b"))
    with pytest.raises(BundleError, match="does not say what was seen"):
        Provenance.at(write(tmp_path, format="guise-prior/1", name="b"))


@pytest.mark.parametrize("folder", sorted(path.name for path in CHECKPOINTS.iterdir() if is_sealed(path)))
def test_a_shipped_folder_lists_all_stages_of_those_that_it_refers_to(folder: Path) -> None:
    path = CHECKPOINTS / folder
    listed = {stage.name for stage in Provenance.at(path).stages}
    for reference in (json.loads((path / MANIFEST).read_text(encoding="utf-8")).get("refers_to") or {}).values():
        assert {stage.name for stage in Provenance.at(CHECKPOINTS / reference["folder"]).stages} <= listed


def test_what_a_shipped_bundle_calls_unseen_no_stage_has_seen() -> None:
    for path in CHECKPOINTS.iterdir():
        if is_sealed(path) and "guise-bundle" in (path / MANIFEST).read_text(encoding="utf-8"):
            bundle = read_manifest(path)
            assert Provenance.of(bundle).keeps_unseen(bundle.unseen_classes) == bundle.unseen_classes
            assert Provenance.of(bundle).contradiction(bundle.unseen_classes) is None
