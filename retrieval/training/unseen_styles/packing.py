"""What travels: rows of components with what they show, wordings of the classes, the sentence encoder in few bits."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.artifacts.text_tower import TOKENIZER, load_text_tower
from retrieval.backbones.map_towers import PLACE, POOLED
from retrieval.backbones.sentence_encoder import SentenceEncoder
from retrieval.data.picture_table import PictureTable
from retrieval.training.recipes.parts.class_texts import class_wordings
from retrieval.training.recipes.parts.foundation_objective import principal_components
from retrieval.training.recipes.parts.trunk_maps import MappedPictures
from retrieval.training.unseen_styles.few_bits import Arrays, from_levels, in_levels, load_packed, save_packed
from retrieval.types import PHOTO

LEVELS = 24  # of the sentence encoder's matrices
FINENESS = {"training": 1.0, "validation": 1.0, "test": 2.0}  # steps to the standard deviation of the last component
ROWS, TEXTS, TABLES = "rows.npz.xz", "texts.npz.xz", "tables.json.xz"
ENCODER, WORDS = "encoder.npz.xz", "words.weight"  # beside the folders of packs
DIRECTIONS = "-directions.pt"  # after the folder's name
POSITIONS = 64  # the sentence encoder's position embeddings that travel


@dataclass(frozen=True)
class About:
    """What a set of pictures asks of those who train on it."""

    domains: tuple[str, ...]  # in the order of their prompts
    photo: str  # the domain of the gallery; "": all that are trained on, but for the query's own
    unseen: tuple[str, ...]  # classes that are asked for
    left_out: tuple[
        str, ...
    ]  # the domain, or domains joined by "+", that a run does without; one that is none: nothing

    def without(self, left_out: str) -> tuple[str, ...]:
        """The domains that are trained on where this is left out."""
        return tuple(name for name in self.domains if name not in left_out.split("+"))


class Components:
    """Principal components of maps of photographs: of their pooled features, and of their places."""

    def __init__(self, photographs: Iterator[Tensor]) -> None:
        """photographs: maps (B, F, h, w)."""
        maps = list(photographs)
        self.pooled = principal_components(torch.cat([part.mean(dim=(2, 3)) for part in maps]), POOLED)
        places = torch.cat([part.flatten(2).transpose(1, 2).flatten(0, 1) for part in maps])  # (N h w, F)
        mean = places.mean(dim=0)
        _, directions = torch.linalg.eigh((places - mean).T @ (places - mean))
        self.place = mean, directions[:, -PLACE:].flip(1).T.contiguous()  # (PLACE, F)

    def load(self, path: Path) -> None:
        """Take those that `save` wrote."""
        directions = torch.load(path, weights_only=True)
        self.pooled, self.place = directions["pooled"], directions["place"]

    def save(self, path: Path) -> None:
        """Write the means and directions."""
        torch.save({"pooled": self.pooled, "place": self.place}, path)

    def rows(self, maps: Tensor) -> Tensor:
        """(B, F, h, w) -> (B, POOLED + h w PLACE)"""
        pooled = (maps.mean(dim=(2, 3)) - self.pooled[0]) @ self.pooled[1].T
        places = (maps.flatten(2).transpose(1, 2) - self.place[0]) @ self.place[1].T
        return torch.cat([pooled, places.flatten(1)], dim=1)


def steps_of(rows: Tensor, count: int) -> npt.NDArray[np.float32]:
    """The standard deviations of the last component of pooled features and of places: what rows are rounded by, so
    that components that say little take few bits.
    """
    places = rows[:, POOLED:].unflatten(1, (-1, PLACE))
    return np.array([rows[:, POOLED - 1].std(), places[..., count - 1].std()], np.float32)


def kept_places(rows: Tensor, count: int) -> Tensor:
    """Rows whose places keep their first components alone; the others are zeros."""
    places = rows[:, POOLED:].unflatten(1, (-1, PLACE)).clone()
    places[..., count:] = 0
    return torch.cat([rows[:, :POOLED], places.flatten(1)], dim=1)


def rounded(rows: Tensor, steps: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """(N, F) -> (F, N): one component of all pictures lies together, and packs well."""
    scale = torch.from_numpy(_scale(rows.shape[1], steps))
    return np.ascontiguousarray((rows / scale).round().clamp(-32000, 32000).to(torch.int16).numpy().T)


def read_rounded(numbers: npt.NDArray[np.int16], steps: npt.NDArray[np.float32]) -> Tensor:
    """(F, N) -> (N, F)"""
    return torch.from_numpy(numbers.T * _scale(len(numbers), steps))


def _scale(width: int, steps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.concatenate([np.full(POOLED, steps[0]), np.full(width - POOLED, steps[1])]).astype(np.float32)


def text_arrays(encoder: SentenceEncoder, names: tuple[str, ...]) -> Arrays:
    """The wordings of the names, and the pieces of words that these need."""
    with torch.inference_mode():
        said = encoder([text for name in names for text in class_wordings(name)])
        pieces = encoder.tokens([f"a photo of {name} from domain." for name in names])[0].unique()
    return {
        "wordings": said.unflatten(0, (len(names), -1)).half().numpy(),
        "pieces": pieces.numpy(),
        "words": encoder.words.weight[pieces].half().numpy(),
    }


def encoder_arrays(folder: Path, encoder: SentenceEncoder) -> Arrays:
    """The sentence encoder without its words: packs that lie side by side share it."""
    arrays: Arrays = {"tokenizer": np.frombuffer((folder / TOKENIZER).read_bytes(), np.uint8)}
    for name, weight in encoder.state_dict().items():
        if name == WORDS:
            continue
        if name == "positions.weight" or weight.ndim < 2 or weight.shape[0] == 2:
            kept = weight[:POSITIONS] if "positions" in name else weight
            arrays[f"encoder/{name}"] = kept.half().numpy()
        else:
            arrays |= {f"levels/{name}/{part}": array for part, array in in_levels(weight, LEVELS).items()}
    return arrays


def read_encoder(arrays: Arrays, texts: Arrays) -> SentenceEncoder:
    """The sentence encoder of a pack, which knows the pieces of the names alone."""
    encoder = SentenceEncoder(arrays["tokenizer"].tobytes().decode("utf-8"))
    weights = {name.removeprefix("encoder/"): arrays[name] for name in arrays if name.startswith("encoder/")}
    state: dict[str, Tensor] = {name: torch.from_numpy(array).float() for name, array in weights.items()}
    for name in {name.rpartition("/")[0] for name in arrays if name.startswith("levels/")}:
        parts = {part: arrays[f"{name}/{part}"] for part in ("codes", "low", "step", "shape")}
        state[name.removeprefix("levels/")] = from_levels(parts)
    whole = encoder.state_dict()
    words = torch.from_numpy(texts["words"]).float()
    whole[WORDS] = torch.zeros_like(whole[WORDS]).index_copy(0, torch.from_numpy(texts["pieces"]), words)
    positions = state.pop("positions.weight")
    whole["positions.weight"] = torch.cat([positions, whole["positions.weight"][len(positions) :]])
    encoder.load_state_dict(whole | state)
    return encoder.eval().requires_grad_(False)


def table_of(table: PictureTable) -> dict[str, list[str]]:
    """What pictures show."""
    return {name: list(getattr(table, name)) for name in ("domains", "labels", "instances")}


def write_pack(
    folder: Path,
    parts: Mapping[str, MappedPictures],
    about: About,
    text: Path,
    directions: Path | None = None,
    *,
    places: int = PLACE,
) -> None:
    """Everything that travels; beside the folder, in a file that stays, the directions of the components.

    parts: to train on, to select on (validation) and to test. directions: of another pack, which are taken; without
    them, those of the photographs that are trained on. places: components of each place.
    """
    folder.mkdir(parents=True, exist_ok=True)
    training = parts["training"]
    names = tuple(sorted(set(training.table.labels)))
    components = Components.__new__(Components)
    if directions is None:
        components = Components(training.keep({*training.table.where(domain=PHOTO).ids}).of_view(0))
    else:
        components.load(directions)
    arrays: Arrays = {"classes": np.array(names)}
    for name, view in [(part, view) for part in parts for view in range(_views(part, parts[part]))]:
        rows = torch.cat([components.rows(maps) for maps in parts[name].of_view(view)])
        arrays["steps"] = arrays.get("steps", steps_of(rows, places))
        steps = np.asarray(arrays["steps"] / FINENESS[name], np.float32)
        arrays[f"{name}-{view}"] = rounded(kept_places(rows, places), steps)
    save_packed(folder / ROWS, arrays)
    encoder = load_text_tower(text)
    save_packed(folder / TEXTS, text_arrays(encoder, names))
    save_packed(folder.parent / ENCODER, encoder_arrays(text, encoder))
    payload = {"about": asdict(about)} | {name: table_of(part.table) for name, part in parts.items()}
    (folder / TABLES).write_bytes(lzma.compress(json.dumps(payload).encode("utf-8")))
    components.save(folder.parent / f"{folder.name}{DIRECTIONS}")


def _views(name: str, part: MappedPictures) -> int:
    """Only what is trained on varies."""
    return part.maps.shape[1] if name == "training" else 1


@dataclass(frozen=True)
class Part:
    """Rows of components (views, N, F) in half precision, and what the pictures show."""

    rows: Tensor
    domains: tuple[str, ...]
    labels: tuple[str, ...]
    instances: tuple[str, ...]


@dataclass(frozen=True)
class Pack:
    """What travelled."""

    parts: dict[str, Part]
    about: About
    classes: tuple[str, ...]
    wordings: Tensor  # (C, wordings, sentence), unit rows
    encoder: SentenceEncoder


def read_tables(path: Path) -> tuple[About, dict[str, Part]]:
    """What is asked, and what the pictures of each part show, without their rows."""
    tables = json.loads(lzma.decompress(path.read_bytes()))
    given = tables.pop("about")
    lists = (tuple(given[name]) for name in ("domains", "unseen", "left_out"))
    columns = ("domains", "labels", "instances")
    parts = {
        name: Part(torch.empty(0), *(tuple(table[column]) for column in columns)) for name, table in tables.items()
    }
    domains, unseen, left_out = lists
    return About(domains, given["photo"], unseen, left_out), parts


def read_pack(folder: Path) -> Pack:
    """The folder that `write_pack` wrote."""
    paths = folder / ROWS, folder / TEXTS, folder.parent / ENCODER
    rows, texts, encoder = (load_packed(path) for path in paths)
    about, parts = read_tables(folder / TABLES)
    for name, part in parts.items():
        views = [view for view in rows if view.startswith(f"{name}-")]
        steps = np.asarray(rows["steps"] / FINENESS[name], np.float32)
        stacked = torch.stack([read_rounded(rows[view], steps) for view in views]).half()
        parts[name] = replace(part, rows=stacked)
    wordings = torch.from_numpy(texts["wordings"]).float()
    return Pack(parts, about, tuple(rows["classes"].tolist()), wordings, read_encoder(encoder, texts))
