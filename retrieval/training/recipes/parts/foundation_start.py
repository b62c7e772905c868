"""The start and the finish of the foundation: what stands before its first step, and what is written after the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from retrieval.artifacts.bundle import Bundle
from retrieval.artifacts.checksummed import halved
from retrieval.artifacts.manifest import Stage
from retrieval.artifacts.provenance import Provenance
from retrieval.artifacts.text_tower import load_text_tower
from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.backbones.prompted import PromptedEfficientNet
from retrieval.data.picture_table import PictureTable
from retrieval.errors import DataError, SettingsError
from retrieval.methods import Phase
from retrieval.methods.foundation import TEXT, Foundation
from retrieval.training.recipe import Made
from retrieval.training.recipes.parts.class_texts import TextTable, imagenet_names, may_say
from retrieval.training.recipes.parts.device_sampler import DeviceSampler, all_texts
from retrieval.training.recipes.parts.foundation_objective import (
    FoundationTraining,
    Keeper,
    Kept,
    Weights,
    fitted_components,
    principal_components,
    prototypes_of,
)
from retrieval.training.start import Start, open_allowed, require_fit
from retrieval.types import PHOTO, Progress

if TYPE_CHECKING:
    from retrieval.training.recipes.guise_base import GuiseBase, GuiseBaseSettings
    from retrieval.training.training_sources import TrainingSources

PHOTOS_OF_A_CLASS = 20  # real ones and rendered ones each, behind principal components and prototypes
WORDING = "a photo of {}"


def begin(
    recipe: GuiseBase, settings: GuiseBaseSettings, sources: TrainingSources, on_progress: Progress
) -> Start[FoundationTraining]:
    """The learner before its first step; or finished, where its weights are given."""
    torch.manual_seed(settings.seed)
    method = Foundation(Foundation.config_type(**{"trunk": settings.trunk, **recipe.config}), settings.preprocess)
    begun = _open_foundation(recipe, settings.init, method) if settings.init else None
    provenance = _behind(settings, begun)
    if settings.weights:
        weights = load_file(settings.weights)
        require_fit(method, weights, settings.weights)
        method.load_state_dict({name: value.float() for name, value in weights.items()})
        return Start(FoundationTraining(method.eval()), provenance)
    classifier = imagenet_classifier(settings.trunk).to(settings.device)
    trunk = {name: value for name, value in classifier.state_dict().items() if not name.startswith("classifier.")}
    method.tower.trunk.load_state_dict(trunk)
    tables = [
        _some_of_each(portion.table.where(domain=PHOTO)) for portion in sources.portions if _has_photos(portion.table)
    ]
    pooled = torch.cat([_pooled(classifier, table, settings, on_progress) for table in tables])  # (N, F)
    mean, components = principal_components(pooled, method.dim)
    assert isinstance(method.tower, PromptedEfficientNet), "ImageNet's classifiers stand under the small tower"
    method.tower.begin_at(mean, components)
    if begun:
        method.load_state_dict(begun.method.state_dict())
        codes = torch.cat([_coded(method.to(settings.device), table, settings, on_progress) for table in tables])
        components = fitted_components(pooled - mean, codes)
    labels = [sources.classes.index(label) for table in tables for label in table.labels]
    codes = F.normalize((pooled - mean) @ components.T, dim=1)
    prototypes = prototypes_of(codes, torch.tensor(labels), len(sources.classes))
    names = imagenet_names(may_say(recipe.zero_shot, sources.classes))
    texts = text_table(recipe, settings, sources)
    said = [(WORDING.format(name), place) for place, of in enumerate(names.values()) for name in of]
    phases = (
        Phase("head", settings.head_epochs, settings.lr, weight_decay=0.05, schedule="constant"),
        Phase(
            "all", settings.epochs, settings.lr, weight_decay=0.05, rates={"method.tower.trunk": settings.trunk_rate}
        ),
    )
    kept = Kept(
        Keeper(classifier, mean, components, list(names)),
        prototypes,
        texts.rows[texts.places([text for text, _ in said])].float(),
        torch.tensor([place for _, place in said]),
    )
    method.tower.hold_still(settings.still)
    learner = FoundationTraining(method, phases, kept, Weights(**recipe.losses))
    return Start(learner, provenance)


def _behind(settings: GuiseBaseSettings, begun: Bundle | None) -> Provenance:
    """What has been seen before the first step: by the published weights, and by a foundation that was begun from."""
    photographs = "photographs of ImageNet-1k, with their labels"
    trunk = Provenance((Stage(settings.trunk, "trunk", domains=(PHOTO.name,), pretrained=photographs),))
    published = trunk.merge(Provenance.at(settings.text).inherit("text tower"))
    return Provenance.of(begun.manifest).inherit("start").merge(published) if begun else published


def _open_foundation(recipe: GuiseBase, folder: Path, method: Foundation) -> Bundle:
    """The bundle that the method begins from. Raises SettingsError where it is no such foundation, or knows what must
    stay unseen.
    """
    bundle = open_allowed(folder, recipe)
    if not isinstance(bundle.method, Foundation):
        raise SettingsError(
            f"{folder} is no foundation, so {recipe.name} cannot begin from it. Name one like guise-base-zs."
        )
    require_fit(method, bundle.method.state_dict(), folder)
    return bundle


def sampler(recipe: GuiseBase, settings: GuiseBaseSettings, sources: TrainingSources) -> DeviceSampler:
    """Batches on the device that trains."""
    return DeviceSampler(
        sources.portions,
        settings.preprocess,
        text_table(recipe, settings, sources),
        may_say(recipe.zero_shot, sources.classes),
        stored=settings.stored,
        device=settings.device,
        batch=settings.batch,
        steps=settings.steps,
        group=settings.group,
    )


def text_table(recipe: GuiseBase, settings: GuiseBaseSettings, sources: TrainingSources) -> TextTable:
    """All texts of the training, embedded once and kept in a file. Raises DataError for a file that lacks some."""
    allowed = may_say(recipe.zero_shot, sources.classes)
    texts = all_texts(sources.portions, sources.classes, allowed)
    texts += [WORDING.format(name) for names in imagenet_names(allowed).values() for name in names]
    path = settings.texts or recipe.run_folder(settings) / "texts.safetensors"
    if not path.is_file():
        _embed(texts, settings.text, path)
    table = _read(path)
    missing = [text for text in texts if text not in table.texts]
    if missing:
        raise DataError(f"{path} lacks {len(missing)} texts, among them {missing[0]!r}. Delete it: it is written anew.")
    return table


def _embed(texts: Sequence[str], tower: Path, path: Path) -> None:
    """Write the texts and what the sentence encoder makes of them."""
    table = TextTable.of(texts, load_text_tower(tower))
    path.parent.mkdir(parents=True, exist_ok=True)
    letters = "\n".join(table.texts).encode()
    save_file({"rows": table.rows.half(), "texts": torch.frombuffer(bytearray(letters), dtype=torch.uint8)}, path)


def _read(path: Path) -> TextTable:
    kept = load_file(path)
    texts = kept["texts"].numpy().tobytes().decode().split("\n")
    return TextTable({text: row for row, text in enumerate(texts)}, kept["rows"])


def _has_photos(table: PictureTable) -> bool:
    return PHOTO.name in table.domains


def _some_of_each(table: PictureTable) -> PictureTable:
    """At most `PHOTOS_OF_A_CLASS` rows of each label, spread over the table."""
    random = np.random.default_rng(0)
    rows = [
        row
        for of_class in table.rows_by("labels").values()
        for row in random.permutation(of_class)[:PHOTOS_OF_A_CLASS].tolist()
    ]
    return table.select(sorted(rows))


def _pooled(classifier: Any, table: PictureTable, settings: GuiseBaseSettings, on_progress: Progress) -> Tensor:
    """The classifier's pooled features of whole pictures.   -> (N, F)"""
    return _of_all(lambda x: classifier.forward_features(x).mean(dim=(2, 3)), table, settings, on_progress)


def _coded(method: Foundation, table: PictureTable, settings: GuiseBaseSettings, on_progress: Progress) -> Tensor:
    """What a foundation that is begun from says of whole pictures.   -> (N, D)"""
    method.eval()
    return _of_all(lambda x: method.encode_images(x, ()), table, settings, on_progress)


@torch.inference_mode()
def _of_all(
    network: Callable[[Tensor], Tensor],
    table: PictureTable,
    settings: GuiseBaseSettings,
    on_progress: Progress,
    batch: int = 64,
) -> Tensor:
    """A network's answer to every picture, in order, on the processor.   -> (N, ...)"""
    parts = []
    for first in range(0, len(table), batch):
        pictures = table[first : first + batch].tensor(size=settings.size)  # [-1, 1], as this trunk reads them
        parts.append(network(pictures.to(settings.device)).float().cpu())
        on_progress(min(first + batch, len(table)), len(table))
    return torch.cat(parts)


def export(learner: FoundationTraining, path: Path, metrics: Mapping[str, float]) -> Made:
    """Write the weights alone, in half precision, with what validation measured."""
    measured = {name: str(value) for name, value in metrics.items()}
    save_file(halved(learner.method.cpu().state_dict()), path, metadata=measured)
    return Made(path.parent, metrics, f"Finish it where the gallery is: --weights {path}")


def _measured(path: Path) -> dict[str, float]:
    """What validation measured of exported weights, where they were trained."""
    with safe_open(path, "pt") as file:
        return {name: float(value) for name, value in (file.metadata() or {}).items()}


def finish(
    recipe: GuiseBase,
    settings: GuiseBaseSettings,
    sources: TrainingSources,
    start: Start[FoundationTraining],
    metrics: Mapping[str, float],
) -> Made:
    """Write the bundle."""
    from retrieval.artifacts.manifest import reference_to
    from retrieval.training.bundles import manifest_of, write_bundle
    from retrieval.training.calibration import calibrated
    from retrieval.training.training_sources import drawn_classes

    method = start.learner.method.cpu()
    method.attach({TEXT: load_text_tower(settings.text)})
    if settings.weights:
        metrics = _measured(settings.weights)
    entries = {
        "metrics": metrics,
        "concepts": drawn_classes(settings.packs, recipe),
        "refers_to": {TEXT: reference_to(settings.text)},
    }
    kept = imagenet_names(may_say(recipe.zero_shot, sources.classes)).values()
    own = sources.provenance.with_names(name for names in kept for name in names)
    manifest = manifest_of(recipe, settings, Start(method, start.provenance), own, unseen=sources.unseen, **entries)
    made = write_bundle(recipe, settings, method, manifest)
    return calibrated(made, settings.gallery, settings.packs) if recipe.for_visitors else made
