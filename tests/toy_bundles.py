"""Small bundles at random weights, as the engine loads them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch

from retrieval.artifacts.bundle import save_bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.artifacts.rotation import Rotation
from retrieval.images import Preprocess
from retrieval.methods import DSN, ClipBaseline
from tests.methods.test_clip_baseline import TINY
from tests.methods.toy_dsn import TINY as DSN_TINY
from tests.methods.toy_dsn import toy_batch


def bundle(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    method = ClipBaseline(ClipBaseline.config_type(**TINY), Preprocess(32))
    config = dataclasses.asdict(method.config)
    save_bundle(
        folder, method, Manifest(folder.name, "clip-baseline", config, method.preprocess, (), (), method.dim, {})
    )
    return folder


def dsn_bundle(folder: Path, seed: int = 0) -> Path:
    """DSN at random weights, with an album of noise; its codes become as many bits."""
    torch.manual_seed(seed)
    method = DSN(DSN.config_type(**DSN_TINY | {"dim": 8}), Preprocess(32))
    for name, parameter in method.named_parameters():
        if name.endswith("se.tag"):
            torch.nn.init.normal_(parameter)
    method.fill_album([toy_batch()])
    config, classes = dataclasses.asdict(method.config), ("red", "green", "blue", "grey")
    manifest = Manifest(folder.name, "dsn", config, method.preprocess, (), classes, method.dim, {})
    none, same = np.zeros(method.dim, np.float32), np.eye(method.dim, dtype=np.float32)
    save_bundle(folder, method, manifest, Rotation(none, same, none))
    return folder
