"""What is packed, from renders and the embedded gallery.

python -m retrieval.training.unseen_styles.gather FOLDER --renders SET
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.world import read_rendered
from retrieval.errors import DataError
from retrieval.files import write_text
from retrieval.training.recipes.parts.trunk_maps import MappedPictures, in_rounds, mapped_pictures
from retrieval.training.recipes.ucdr_adapter import LEFT_OUT
from retrieval.training.unseen_styles.packing import About, write_pack
from retrieval.types import PHOTO, STYLES
from retrieval.world.split import SEEN, TEST_UNSEEN, VAL_UNSEEN

TRUNK, SIZE = "tf_efficientnet_lite0", 160
OBJECTS, VALIDATION_OBJECTS, ASKED_OBJECTS = 15, 8, 4  # of each class: to train on, to select on, to ask with (U^d CDR)
CHUNK = 32
GALLERY, TEST_MAPS, MAPS = Path("assets/gallery"), Path("runs/ucdr-test-maps"), Path("runs/ucdr-maps")


def test_pictures(gallery: Path) -> PictureTable:
    """All photographs, everything of unseen classes, and some objects of the others in every style."""
    return read_rendered(gallery).where(
        lambda row: (
            row.domain == PHOTO
            or row.label in TEST_UNSEEN
            or (row.label in SEEN and int(row.instance.rsplit("-", 1)[1]) < ASKED_OBJECTS)
        )
    )


@torch.inference_mode()
def plain_maps(folder: Path, table: PictureTable) -> MappedPictures:
    """The trunk's maps of these pictures as they are, from the folder, or computed."""
    path, listing = folder / "maps.npy", folder / "ids.json"
    if not listing.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        classifier: Any = imagenet_classifier(TRUNK).to(memory_format=torch.channels_last)
        side = -(-SIZE // 32)
        maps = np.lib.format.open_memmap(path, "w+", np.float16, (len(table), 1280, side, side))
        for first in range(0, len(table), CHUNK):
            pictures = table[first : first + CHUNK].tensor(size=SIZE)
            features = classifier.forward_features(pictures.contiguous(memory_format=torch.channels_last))
            maps[first : first + CHUNK] = features.half().numpy()
        maps.flush()
        write_text(listing, json.dumps({"ids": list(table.ids)}))
    if json.loads(listing.read_text(encoding="utf-8"))["ids"] != list(table.ids):
        raise DataError(f"{listing} lists other pictures. Delete the folder.")
    return MappedPictures(table, np.load(path, mmap_mode="r")[:, None], np.arange(len(table)))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the pack that is written")
    parser.add_argument("--renders", type=Path, required=True, help="a set rendered --for training")
    parser.add_argument(
        "--text", type=Path, default=Path("checkpoints/text-minilm"), help="the sealed sentence encoder"
    )
    parser.add_argument("--objects", type=int, default=OBJECTS, help="of each class")
    given = parser.parse_args()
    table = in_rounds(read_rendered(given.renders, (*SEEN, *VAL_UNSEEN)), given.objects)
    everything = mapped_pictures(MAPS, table, TRUNK, SIZE)
    validation = in_rounds(table.where(labels=VAL_UNSEEN), VALIDATION_OBJECTS)
    parts = {
        "training": everything.keep({*table.where(labels=SEEN).ids}),
        "validation": everything.keep({*validation.ids}),
        "test": plain_maps(TEST_MAPS, test_pictures(GALLERY)),
    }
    about = About(tuple(sorted(style.name for style in STYLES)), PHOTO.name, tuple(TEST_UNSEEN), LEFT_OUT)
    write_pack(given.folder, parts, about, given.text)


if __name__ == "__main__":
    main()
