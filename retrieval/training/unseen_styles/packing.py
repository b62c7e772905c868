"""What travels: rows of components with what they show, wordings of the classes, the sentence encoder in few bits."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from retrieval.training.unseen_styles.few_bits import Arrays, from_levels, in_levels, save_arrays
from retrieval.types import PHOTO

LEVELS = 24  # of the sentence encoder's matrices
COARSE, FINE = 1.0, 2.0  # steps to the standard deviation of the last component: to train on, and to measure
ROWS, TEXTS, TABLES = "rows.npz", "texts.npz", "tables.json.xz"
DIRECTIONS = "-directions.pt"  # after the folder's name
POSITIONS = 64  # the sentence encoder's position embeddings that travel


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

    def rows(self, maps: Tensor) -> Tensor:
        """(B, F, h, w) -> (B, POOLED + h w PLACE)"""
        pooled = (maps.mean(dim=(2, 3)) - self.pooled[0]) @ self.pooled[1].T
        places = (maps.flatten(2).transpose(1, 2) - self.place[0]) @ self.place[1].T
        return torch.cat([pooled, places.flatten(1)], dim=1)


def steps_of(rows: Tensor) -> npt.NDArray[np.float32]:
    """The standard deviations of the last component of pooled features and of places: what rows are rounded by, so
    that components that say little take few bits.
    """
    places = rows[:, POOLED:].unflatten(1, (-1, PLACE))
    return np.array([rows[:, POOLED - 1].std(), places[..., -1].std()], np.float32)


def rounded(rows: Tensor, steps: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """(N, F) -> (F, N): one component of all pictures lies together, and packs well."""
    scale = torch.from_numpy(_scale(rows.shape[1], steps))
    return np.ascontiguousarray((rows / scale).round().clamp(-32000, 32000).to(torch.int16).numpy().T)


def read_rounded(numbers: npt.NDArray[np.int16], steps: npt.NDArray[np.float32]) -> Tensor:
    """(F, N) -> (N, F)"""
    return torch.from_numpy(numbers.T * _scale(len(numbers), steps))


def _scale(width: int, steps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.concatenate([np.full(POOLED, steps[0]), np.full(width - POOLED, steps[1])]).astype(np.float32)


def text_arrays(folder: Path, names: tuple[str, ...]) -> Arrays:
    """The wordings of the names, and as much of the sentence encoder as these names need."""
    encoder = load_text_tower(folder)
    with torch.inference_mode():
        said = encoder([text for name in names for text in class_wordings(name)])
        pieces = encoder.tokens([f"a photo of {name} from domain." for name in names])[0].unique()
    arrays: Arrays = {
        "wordings": said.unflatten(0, (len(names), -1)).half().numpy(),
        "tokenizer": np.frombuffer((folder / TOKENIZER).read_bytes(), np.uint8),
        "pieces": pieces.numpy(),
        "encoder/words.weight": encoder.words.weight[pieces].half().numpy(),
    }
    for name, weight in encoder.state_dict().items():
        if name == "words.weight":
            continue
        if name == "positions.weight" or weight.ndim < 2 or weight.shape[0] == 2:
            arrays[f"encoder/{name}"] = (
                weight[:POSITIONS].half().numpy() if "positions" in name else weight.half().numpy()
            )
        else:
            arrays |= {f"levels/{name}/{part}": array for part, array in in_levels(weight, LEVELS).items()}
    return arrays


def read_encoder(arrays: Any) -> SentenceEncoder:
    """The sentence encoder of a pack, which knows the pieces of the names alone."""
    encoder = SentenceEncoder(arrays["tokenizer"].tobytes().decode("utf-8"))
    weights = {name.removeprefix("encoder/"): arrays[name] for name in arrays if name.startswith("encoder/")}
    state: dict[str, Tensor] = {name: torch.from_numpy(array).float() for name, array in weights.items()}
    for name in {name.rpartition("/")[0] for name in arrays if name.startswith("levels/")}:
        parts = {part: arrays[f"{name}/{part}"] for part in ("codes", "low", "step", "shape")}
        state[name.removeprefix("levels/")] = from_levels(parts)
    whole = encoder.state_dict()
    whole["words.weight"] = torch.zeros_like(whole["words.weight"]).index_copy(
        0, torch.from_numpy(arrays["pieces"]), state.pop("words.weight")
    )
    positions = state.pop("positions.weight")
    whole["positions.weight"] = torch.cat([positions, whole["positions.weight"][len(positions) :]])
    encoder.load_state_dict(whole | state)
    return encoder.eval().requires_grad_(False)


def table_of(table: PictureTable) -> dict[str, list[str]]:
    """What pictures show."""
    return {name: list(getattr(table, name)) for name in ("domains", "labels", "instances")}


def write_pack(
    folder: Path,
    training: MappedPictures,
    validation: MappedPictures,
    test: MappedPictures,
    text: Path,
) -> None:
    """Everything that travels; beside the folder, in a file that stays, the directions of the components."""
    folder.mkdir(parents=True, exist_ok=True)
    names = tuple(sorted(set(training.table.labels)))
    components = Components(training.keep({*training.table.where(domain=PHOTO).ids}).of_view(0))
    arrays: Arrays = {"classes": np.array(names)}
    for name, pictures, view, fineness in (
        ("training-0", training, 0, COARSE),
        ("training-1", training, 1, COARSE),
        ("validation", validation, 0, COARSE),
        ("test", test, 0, FINE),
    ):
        rows = torch.cat([components.rows(maps) for maps in pictures.of_view(view)])
        arrays["steps"] = arrays.get("steps", steps_of(rows))
        arrays[name] = rounded(rows, np.asarray(arrays["steps"] / fineness, np.float32))
    save_arrays(folder / ROWS, arrays)
    save_arrays(folder / TEXTS, text_arrays(text, names))
    parts = {"training": training, "validation": validation, "test": test}
    tables = json.dumps({name: table_of(part.table) for name, part in parts.items()})
    (folder / TABLES).write_bytes(lzma.compress(tables.encode("utf-8")))
    directions = {"pooled": components.pooled, "place": components.place}
    torch.save(directions, folder.parent / f"{folder.name}{DIRECTIONS}")


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
    classes: tuple[str, ...]
    wordings: Tensor  # (C, wordings, sentence), unit rows
    encoder: SentenceEncoder


def read_tables(path: Path) -> dict[str, Part]:
    """What the pictures of each part show, without their rows."""
    tables = json.loads(lzma.decompress(path.read_bytes()))
    columns = ("domains", "labels", "instances")
    return {name: Part(torch.empty(0), *(tuple(table[column]) for column in columns)) for name, table in tables.items()}


def read_pack(folder: Path) -> Pack:
    """The folder that `write_pack` wrote."""
    rows, texts = np.load(folder / ROWS), dict(np.load(folder / TEXTS))
    parts = read_tables(folder / TABLES)
    for name, views, fineness in (
        ("training", ("training-0", "training-1"), COARSE),
        ("validation", ("validation",), COARSE),
        ("test", ("test",), FINE),
    ):
        stacked = torch.stack([read_rounded(rows[view], rows["steps"] / fineness) for view in views]).half()
        parts[name] = replace(parts[name], rows=stacked)
    wordings = torch.from_numpy(texts["wordings"]).float()
    return Pack(parts, tuple(rows["classes"].tolist()), wordings, read_encoder(texts))
