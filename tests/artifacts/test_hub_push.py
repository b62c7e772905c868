"""Bundles go to the Hub as the real client sends them to a server on 127.0.0.1, and come back the same."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.artifacts.addresses import Address, read_list
from retrieval.errors import BundleError
from tests.artifacts import hub_client
from tests.artifacts.hub_client import OWNER, Client, client_of
from tests.artifacts.test_hub import contents, sealed
from tests.loopback_hub import TOKEN, LoopbackHub, serving


@pytest.fixture(scope="module")
def hub() -> Iterator[LoopbackHub]:
    with serving() as hub:
        yield hub


@pytest.fixture(scope="module")
def client(hub: LoopbackHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with client_of(hub.url, tmp_path_factory.mktemp("cache"), HF_TOKEN=TOKEN) as client:
        yield client


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def stage(**entries: object) -> dict[str, object]:
    return {"name": "toy", "source": "noise", "licence": "Apache-2.0", "saw": "noise"} | entries


def two_that_belong_together(home: Path, seed: int = 0) -> Path:
    """A folder that refers to the one beside it, `tower`; the first of the two."""
    tower = write(home / "tower", sealed(seed, **stage()))
    digest = hashlib.sha256((tower / "manifest.json").read_bytes()).hexdigest()
    refers_to = {"text": {"folder": "tower", "sha256": digest}}
    return write(home / "reader", sealed(seed + 1, **stage(refers_to=refers_to)))


def test_what_was_pushed_comes_back_with_its_card_and_the_addresses_of_its_parts(
    hub: LoopbackHub, client: Client, tmp_path: Path
) -> None:
    reader = two_that_belong_together(tmp_path)
    published = client(hub_client.push, reader, OWNER)
    assert list(published) == ["tower", "reader"], "what is referred to comes first"
    back = contents(client(hub_client.pull, published["reader"]))
    card = back.pop("README.md").decode()
    assert card.startswith("---\nlibrary_name: guise\npipeline_tag: image-feature-extraction\nlicense: apache-2.0\n---")
    assert "It is noise. Licence: Apache-2.0." in card
    back.pop("hub.json")
    local = contents(reader)
    local.pop("README.md")
    assert back == local
    listed = read_list(client(hub_client.pull, published["reader"]))
    assert {name: str(address) for name, address in listed.items()} == {"tower": published["tower"]}
    assert listed["tower"].manifest == hashlib.sha256((tmp_path / "tower" / "manifest.json").read_bytes()).hexdigest()


def test_what_a_pulled_bundle_refers_to_is_pulled_where_it_is_needed(
    hub: LoopbackHub, client: Client, tmp_path: Path
) -> None:
    published = client(hub_client.push, two_that_belong_together(tmp_path, seed=10), OWNER)
    folder = client(hub_client.pull, published["reader"])
    part = client(hub_client.part_of, folder, "text")
    assert part.parts[-3:] == (OWNER, Address.parse(published["tower"]).commit, "tower")
    assert (part / "model.safetensors").read_bytes() == (tmp_path / "tower" / "model.safetensors").read_bytes()


def test_the_command_that_pulls_fetches_what_the_parts_refer_to_and_mends_it(
    hub: LoopbackHub, client: Client, tmp_path: Path
) -> None:
    reader = two_that_belong_together(tmp_path, seed=60)
    digest = hashlib.sha256((reader / "manifest.json").read_bytes()).hexdigest()
    top = stage(refers_to={"reader": {"folder": "reader", "sha256": digest}})
    published = client(hub_client.push, write(tmp_path / "top", sealed(62, **top)), OWNER)
    status, said, shown = client(hub_client.command, "bundle", "pull", published["top"])
    assert (status, "They need no network from now on" in said) == (0, True)
    assert "HTTP Request" not in shown, "which would break the bars of progress"
    hub.gone = True
    try:
        below = client(hub_client.part_of, client(hub_client.have, published["top"]), "reader")
        tower = client(hub_client.part_of, below, "text")
    finally:
        hub.gone = False
    assert contents(tower).keys() >= contents(tmp_path / "tower").keys()
    (tower / "model.safetensors").write_bytes(b"?")
    assert client(hub_client.command, "bundle", "pull", published["top"])[0] == 0
    assert (tower / "model.safetensors").read_bytes() == (tmp_path / "tower" / "model.safetensors").read_bytes()


def test_what_is_published_of_a_format_is_fetched_beside_a_folder_of_the_checkpoints(
    hub: LoopbackHub, client: Client, tmp_path: Path
) -> None:
    """So a clone without checkpoints has the judge and the student of a prior that it pulls."""
    home = tmp_path / "checkpoints"
    write(home / "prior", sealed(15, **stage()))
    write(home / "judge", sealed(16, format="guise-judge/1", **stage()))
    listed = client(hub_client.push_everything, home, OWNER)
    assert {*listed} == {"prior", "judge"}
    shutil.rmtree(home / "judge")
    hub.requests.clear()
    assert client(hub_client.beside, home, "prior", "guise-trunk/1") == [home / "prior"]
    assert hub.requests == []
    (judge,) = client(hub_client.beside, home, "prior", "guise-judge/1")
    assert judge.parts[-3:] == (OWNER, Address.parse(listed["judge"]).commit, "judge")


def test_weights_go_by_lfs_and_only_once(hub: LoopbackHub, client: Client, tmp_path: Path) -> None:
    reader = two_that_belong_together(tmp_path, seed=20)
    hub.requests.clear()
    first = client(hub_client.push, reader, OWNER)
    sent = [path for method, path, _ in hub.requests if method == "PUT"]
    assert len(sent) == 4, "two files of weights of each"
    hub.requests.clear()
    assert client(hub_client.push, reader, OWNER) == first, "no new commit"
    assert not any(method == "PUT" or "/commit/" in path for method, path, _ in hub.requests)


def test_a_file_that_is_gone_here_goes_there_too(hub: LoopbackHub, client: Client, tmp_path: Path) -> None:
    folder = write(tmp_path / "shrinks", sealed(30, **stage()) | {"map.json": b"{}"})
    before = Address.parse(client(hub_client.push, folder, OWNER)["shrinks"])
    (folder / "map.json").unlink()
    after = Address.parse(client(hub_client.push, folder, OWNER)["shrinks"])
    commits = hub.repositories[f"{OWNER}/shrinks"].commits
    assert {*commits[before.commit]} - {*commits[after.commit]} == {"map.json"}


def test_damage_is_not_published(hub: LoopbackHub, client: Client, tmp_path: Path) -> None:
    folder = write(tmp_path / "damaged", sealed(40, **stage()))
    (folder / "model.safetensors").write_bytes(b"?")
    with pytest.raises(BundleError, match=r"has the checksum .* but the manifest says"):
        client(hub_client.push, folder, OWNER)
    assert f"{OWNER}/damaged" not in hub.repositories


def test_without_a_token_nothing_is_published(hub: LoopbackHub, client: Client, tmp_path: Path) -> None:
    folder = write(tmp_path / "locked", sealed(50, **stage()))
    with pytest.raises(BundleError, match=f"could not be published as {OWNER}/locked: the Hub answers 401: the token"):
        client(hub_client.push, folder, OWNER, HF_TOKEN="hf_wrong")  # noqa: S106
    assert f"{OWNER}/locked" not in hub.repositories
