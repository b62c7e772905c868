"""Pack everything that a GPU needs: the table of pairs, the trunk and the auto-encoder that training starts from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save_file

from retrieval.artifacts.prior import load_prior
from retrieval.artifacts.text_tower import load_text_tower
from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.diffusion.image_adapter import AdapterConfig, Trunk
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.training.adapted.gather import gather_table
from retrieval.training.adapted.table import pack_table
from retrieval.training.adapted.weights import START, prefixed, split_weights

PRIOR, TOWER = Path("checkpoints/prior-world"), Path("checkpoints/text-minilm")


def imagenet_trunk(config: AdapterConfig) -> Trunk:
    """The adapter's trunk with its ImageNet weights."""
    trunk = Trunk(config)
    released = imagenet_classifier(config.trunk).state_dict()
    trunk.load_state_dict({name: released[name] for name in trunk.state_dict()})
    return trunk


def pack_all(folder: Path, renders: Sequence[Path], packs: Path, quality: int, most: int | None, size: int) -> None:
    """Write the folder."""
    reader = SentenceReader(load_text_tower(TOWER))
    table = gather_table(renders, packs, reader, size=size, quality=quality, most=most)
    pack_table(folder, table)
    start = prefixed("trunk", imagenet_trunk(AdapterConfig())) | prefixed("latents", load_prior(PRIOR).prior.latents)
    (part,) = split_weights(start)
    save_file(part, folder / START)
    total = sum(path.stat().st_size for path in folder.iterdir())
    sys.stdout.write(
        f"{len(table.labels)} objects, {len(table.prompts)} prompts, {total / 2**20:.1f} MiB in {folder}\n"
    )
