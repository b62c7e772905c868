"""A folder with all that a GPU needs to train MRA: figures, their words and boxes, and both frozen towers.

<folder>/pictures.bin           WebP files, one after the other
<folder>/rows.json              where each ends, its label, domain, split, captions, boxes with phrases
<folder>/towers.safetensors     the trunk in half precision; the sentence encoder in bytes, each row with its scale,
                                and of its words only those that occur
<folder>/tokenizer.json
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from retrieval.artifacts.text_tower import TOKENIZER, load_text_tower
from retrieval.artifacts.trunk import load_trunk
from retrieval.backbones.sentence_encoder import SentenceEncoder
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import EncodedPicture, Picture, PictureFile
from retrieval.diffusion.image_adapter import AdapterConfig, Trunk
from retrieval.types import Region

PICTURES, ROWS, TOWERS = "pictures.bin", "rows.json", "towers.safetensors"
BLOCKS = (2, 4)  # stages of the trunk that MRA reads
WORDS = "words.weight"
SCALE = ".scale"
WRITERS = 4  # threads that encode pictures


def pack_people(
    folder: Path, table: PictureTable, tower: Path, trunk: Path, quality: int, more_texts: Sequence[str] = ()
) -> None:
    """Write the folder. more_texts: whose words the encoder must know, too."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = load_text_tower(tower)
    texts = [
        *more_texts,
        *(t for row in table.captions for t in row),
        *(p.phrase for row in table.regions for p in row),
    ]
    weights = {f"text.{name}": t for name, t in as_bytes(_known_words(encoder, texts)).items()}
    released = load_trunk(trunk).state_dict()
    small = Trunk(AdapterConfig(blocks=BLOCKS)).state_dict()
    weights |= {f"trunk.{name}": released[name].half() for name in small if released[name].is_floating_point()}
    save_file(weights, folder / TOWERS)
    (folder / TOKENIZER).write_bytes((tower / TOKENIZER).read_bytes())
    write_rows(folder, table, quality)


def write_rows(folder: Path, table: PictureTable, quality: int) -> None:
    """The figures alone. Pictures that are WebP already stay as they are."""
    files, rows = bytearray(), []
    with ThreadPoolExecutor(WRITERS) as writers:
        encoded = list(writers.map(lambda picture: _encoded(picture, quality), table.pictures))
    for row, part in zip(table, encoded, strict=True):
        files += part
        parts = [[*part.box, part.phrase] for part in row.regions]
        rows.append([len(files), row.id, row.label, row.domain.name, row.split, row.captions, parts])
    (folder / PICTURES).write_bytes(bytes(files))
    (folder / ROWS).write_text(json.dumps(rows, separators=(",", ":")), encoding="utf-8")


def _encoded(picture: Picture, quality: int) -> bytes:
    if isinstance(picture, PictureFile) and picture.path.suffix == ".webp":
        return picture.path.read_bytes()
    if isinstance(picture, EncodedPicture):
        return picture.encoded
    buffer = io.BytesIO()
    picture.open().save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def unpack_people(folder: Path) -> tuple[PictureTable, SentenceEncoder, Trunk]:
    """The figures and both towers, frozen."""
    towers = load_file(folder / TOWERS)
    encoder = SentenceEncoder((folder / TOKENIZER).read_text(encoding="utf-8"))
    encoder.load_state_dict(from_bytes({n[5:]: t for n, t in towers.items() if n.startswith("text.")}, encoder))
    trunk = Trunk(AdapterConfig(blocks=BLOCKS))
    trunk.load_state_dict({n[6:]: t.float() for n, t in towers.items() if n.startswith("trunk.")}, strict=False)
    return read_rows(folder), encoder.eval().requires_grad_(False), trunk


def read_rows(folder: Path) -> PictureTable:
    """The figures of a packed folder."""
    files = (folder / PICTURES).read_bytes()
    rows = json.loads((folder / ROWS).read_text(encoding="utf-8"))
    ends = [0, *(row[0] for row in rows)]
    return PictureTable(
        [EncodedPicture(files[a:b]) for a, b in pairwise(ends)],
        [row[3] for row in rows],
        labels=[row[2] for row in rows],
        ids=[row[1] for row in rows],
        splits=[row[4] for row in rows],
        captions=[tuple(row[5]) for row in rows],
        regions=[tuple(Region(tuple(part[:4]), part[4]) for part in row[6]) for row in rows],
    )


def _known_words(encoder: SentenceEncoder, texts: Sequence[str]) -> dict[str, Tensor]:
    """The encoder's weights, with zeros for the pieces that occur in no text."""
    pieces = torch.unique(encoder.tokens(texts)[0])
    known = torch.zeros(len(encoder.words.weight), dtype=torch.bool)
    known[pieces], known[encoder.mask_piece] = True, True
    state = dict(encoder.state_dict())
    return state | {WORDS: state[WORDS][known], f"{WORDS}.rows": known.nonzero()[:, 0].int()}


def as_bytes(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every matrix as bytes, each row with its scale; all else in half precision."""
    packed: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.ndim == 2 and weight.is_floating_point():
            scale = weight.float().abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
            packed |= {name: (weight.float() / scale).round().to(torch.int8), name + SCALE: scale}
        else:
            packed[name] = weight.half() if weight.is_floating_point() else weight
    return packed


def from_bytes(packed: Mapping[str, Tensor], encoder: SentenceEncoder) -> dict[str, Tensor]:
    """The weights of a sentence encoder, out of bytes."""
    scales = {name for name in packed if name.endswith(SCALE)}
    weights = {
        name: t.float() * packed[name + SCALE] if name + SCALE in scales else t.float()
        for name, t in packed.items()
        if name not in scales
    }
    rows = weights.pop(f"{WORDS}.rows").long()
    words = torch.zeros_like(encoder.words.weight)
    words[rows] = weights[WORDS]
    return weights | {WORDS: words}
