"""What every test shares: quiet threads, and small stand-ins for the trained encoder."""

from __future__ import annotations

import os

from retrieval.threads import settle

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # the workers already fill the cores
settle()

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
import torch  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from retrieval.data.readers.packs import packs_folder  # noqa: E402
from retrieval.images import Preprocess  # noqa: E402
from retrieval.types import Domain  # noqa: E402

SHAPES = {"disc": "ellipse", "box": "rectangle"}
COLORS = {"red": (200, 40, 40), "green": (40, 160, 60), "blue": (40, 60, 200)}


class ColorEncoder:
    """A picture's mean colour as its code; a colour word's code is that colour. Enough to search with, and easy to
    reason about.
    """

    fingerprint = "color·00000001"
    dim = 4
    preprocess = Preprocess(size=16, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        mean = images.mean(dim=(2, 3))
        return F.normalize(torch.cat([mean, torch.full((len(mean), 1), 0.1)], dim=1), dim=1)

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        rows = [next((rgb for name, rgb in COLORS.items() if name in text), (9, 9, 9)) for text in texts]
        return F.normalize(torch.tensor([[*(v / 255 for v in rgb), 0.1] for rgb in rows]), dim=1)

    def encode_meanings(self, texts: Sequence[str]) -> Tensor:
        return self.encode_texts(texts)

    def encode_words(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        return self.encode_texts(texts), self.encode_meanings(texts)


@pytest.fixture
def color_encoder() -> ColorEncoder:
    return ColorEncoder()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of pictures: photo/COLOR/SHAPE-N.png and painting/COLOR/SHAPE-N.png, 24 in all."""
    folder = tmp_path / "pictures"
    for domain in ("painting", "photo"):
        for color, rgb in COLORS.items():
            (folder / domain / color).mkdir(parents=True)
            for shape, draw in SHAPES.items():
                for n in range(2):
                    picture = Image.new("RGB", (40, 40), rgb)
                    getattr(ImageDraw.Draw(picture), draw)((8 + n, 8, 24 + n, 24), fill=tuple(v // 2 for v in rgb))
                    picture.save(folder / domain / color / f"{shape}-{n}.png")
    return folder


@pytest.fixture
def packs() -> Path:
    """The folder of packs; the test is skipped where there is none."""
    folder = packs_folder()
    if folder is None:
        pytest.skip("needs the packs of real drawings: set GUISE_DATA to their folder")
    return folder
