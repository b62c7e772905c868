"""Bundles come from the Hub whole or not at all, as the real client gets them from a server on 127.0.0.1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.artifacts.addresses import Address, write_list
from retrieval.artifacts.hub import pull
from retrieval.errors import BundleError
from tests.artifacts import hub_client
from tests.artifacts.hub_client import OWNER, Client, client_of
from tests.loopback_hub import LoopbackHub, Repository, serving

NOBODY = "0" * 40
SIZE = 300_000  # bytes of weights


@pytest.fixture(scope="module")
def loopback() -> Iterator[LoopbackHub]:
    with serving() as hub:
        yield hub


@pytest.fixture(scope="module")
def client(loopback: LoopbackHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with client_of(loopback.url, tmp_path_factory.mktemp("cache")) as client:
        yield client


@pytest.fixture
def hub(loopback: LoopbackHub) -> LoopbackHub:
    loopback.repositories.clear()
    loopback.requests.clear()
    loopback.status = 0
    loopback.portal = None
    loopback.gone = False
    return loopback


def sealed(seed: int = 0, **entries: Any) -> dict[str, bytes]:
    """A sealed folder's files; nobody opens its weights."""
    weights = np.random.default_rng(seed).bytes(SIZE)
    files = {"model.safetensors": weights, "unet/part.safetensors": weights[:999]}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = json.dumps({"format": "guise-trunk/1", "files": digests} | entries).encode()
    return files | {"manifest.json": manifest, "README.md": b"# toy\n", "unet/config.json": b"{}\n"}


def publish(hub: LoopbackHub, name: str, files: dict[str, bytes]) -> tuple[str, Repository]:
    """Its address, and the repository whose accidents can be set."""
    commit = hub.publish(f"{OWNER}/{name}", files)
    return f"hf:{OWNER}/{name}@{commit}", hub.repositories[f"{OWNER}/{name}"]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def downloads(hub: LoopbackHub) -> list[tuple[str, str, str]]:
    return [request for request in hub.requests if request[0] == "GET" and "/large/" in request[1]]


# ---------------------------------------------------------------- pulling


def test_what_is_pulled_is_the_bundle_and_nothing_that_could_be_executed(hub: LoopbackHub, client: Client) -> None:
    files = sealed()
    strange = {"model.bin": b"\x80", "setup.py": b"boo()", "deep/er/x.json": b"{}", ".hidden.json": b"{}"}
    address, _ = publish(hub, "plain", files | strange)
    folder = client(hub_client.pull, address)
    assert contents(folder) == files
    assert folder.parts[-3:] == (OWNER, Address.parse(address).commit, "plain")


def test_what_is_here_is_not_asked_for_again(hub: LoopbackHub, client: Client) -> None:
    address, _ = publish(hub, "once", sealed())
    folder = client(hub_client.have, address)
    hub.requests.clear()
    hub.status = 503
    assert client(hub_client.have, address) == folder
    assert client(hub_client.have, str(folder)) == folder
    assert hub.requests == []


def test_progress_ends_with_all_bytes(hub: LoopbackHub, client: Client) -> None:
    files = sealed()
    address, _ = publish(hub, "shown", files)
    shown = client(hub_client.progress_of, address)
    total = sum(map(len, files.values()))
    assert {name for name, _, _ in shown} == {"shown"}
    assert {every for _, _, every in shown} == {total}
    done = [done for _, done, _ in shown]
    assert len(done) > 5
    assert done == sorted(done)
    assert done[-1] == total


def test_a_cut_download_goes_on_where_it_ended(hub: LoopbackHub, client: Client) -> None:
    files = sealed()
    address, repository = publish(hub, "cut", files)
    repository.budget = SIZE // 2
    with pytest.raises(BundleError, match=r"could not be fetched: http://127\.0\.0\.1:\d+ cannot be reached, or was"):
        client(hub_client.pull, address)
    hub.requests.clear()
    repository.budget = None
    assert contents(client(hub_client.pull, address)) == files
    starts = [int(wanted.removeprefix("bytes=").rstrip("-")) for _, _, wanted in downloads(hub) if wanted]
    assert len(starts) == 1
    assert SIZE // 4 < starts[0] < SIZE


def test_fifty_downloads_that_are_cut_at_random_bytes_end_whole_or_refused(hub: LoopbackHub, client: Client) -> None:
    files, rng, addresses = sealed(), np.random.default_rng(7), []
    every = sum(map(len, files.values()))
    for n in range(50):
        address, repository = publish(hub, f"cut-{n}", files)
        repository.budget = int(rng.integers(1, every + every // 10))
        addresses.append(Address.parse(address))
    home = client(hub_client.pull, publish(hub, "home", sealed())[0]).parents[2]
    folders = [home / OWNER / address.commit / address.name for address in addresses]
    answers = client(hub_client.pull_all, [str(address) for address in addresses])
    for folder, answer in zip(folders, answers, strict=True):
        assert not folder.exists() if answer else contents(folder) == files
    assert 30 < sum(map(bool, answers)) < 50, "some were cut, and some were not"
    for repository in hub.repositories.values():
        repository.budget = None
    assert not any(client(hub_client.pull_all, [str(address) for address in addresses]))
    assert all(contents(folder) == files for folder in folders)


def test_a_line_that_comes_back_is_no_interruption(hub: LoopbackHub, client: Client) -> None:
    """Here what has arrived is another file's: it is thrown away, and the file is brought anew."""
    files = sealed()
    address, repository = publish(hub, "other", files)
    repository.budget = SIZE // 2
    with pytest.raises(BundleError):
        client(hub_client.pull, address)
    repository.budget = None
    commit = Address.parse(address).commit
    home = client(hub_client.pull, publish(hub, "home", sealed())[0]).parents[2]
    begun = home / OWNER / commit / "other.part" / "model.safetensors.part"
    begun.write_bytes(b"?" * begun.stat().st_size)
    assert contents(client(hub_client.pull, address)) == files


# ---------------------------------------------------------------- on the weights of others


def standing_on(
    repository: str, commit: str, weights: bytes, path: str = "open_clip_model.safetensors"
) -> dict[str, bytes]:
    """A bundle one of whose files is published by others."""
    files = sealed(seed=4)
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["published.safetensors"] = hashlib.sha256(weights).hexdigest()
    manifest["elsewhere"] = {"published.safetensors": {"repository": repository, "commit": commit, "path": path}}
    return files | {"manifest.json": json.dumps(manifest).encode()}


def test_weights_of_others_come_from_their_repository_at_the_pinned_commit(hub: LoopbackHub, client: Client) -> None:
    weights = np.random.default_rng(99).bytes(SIZE)
    pinned = hub.publish("lab/clip", {"open_clip_model.safetensors": weights, "pytorch_model.bin": b"\x80"})
    hub.publish("lab/clip", {"open_clip_model.safetensors": b"newer"})
    files = standing_on("lab/clip", pinned, weights)
    address, _ = publish(hub, "standing", files)
    assert contents(client(hub_client.pull, address)) == files | {"published.safetensors": weights}


def test_other_weights_than_the_bundle_was_made_on_are_refused_before_they_are_fetched(
    hub: LoopbackHub, client: Client
) -> None:
    pinned = hub.publish("lab/clip", {"open_clip_model.safetensors": b"others"})
    address, _ = publish(hub, "fallen", standing_on("lab/clip", pinned, b"those"))
    with pytest.raises(
        BundleError, match=r"holds no open_clip_model\.safetensors with the checksum .* which fallen sta"
    ):
        client(hub_client.pull, address)
    assert downloads(hub) == []


@pytest.mark.parametrize(
    "name",
    ["../../../escaped/.bashrc", "../../../escaped/a.safetensors", "a/b/c.safetensors", "run.py", "a\0.safetensors"],
)
def test_a_manifest_whose_names_lead_elsewhere_is_refused_before_anything_else_is_fetched(
    hub: LoopbackHub, client: Client, name: str
) -> None:
    weights = b"export PATH=."
    pinned = hub.publish("lab/clip", {"open_clip_model.safetensors": weights})
    files = standing_on("lab/clip", pinned, weights)
    files["manifest.json"] = files["manifest.json"].replace(b'"published.safetensors"', json.dumps(name).encode())
    address, _ = publish(hub, f"astray-{len(name)}", files)
    with pytest.raises(
        BundleError, match=r"manifest\.json lists .*, but only \.safetensors and \.json files of its own"
    ):
        client(hub_client.pull, address)
    home = client(hub_client.pull, publish(hub, "home", sealed())[0]).parents[2]
    part = home / OWNER / Address.parse(address).commit / f"astray-{len(name)}.part"
    assert {*contents(part)} == {"manifest.json"}
    assert not (home / "escaped").exists()


# ---------------------------------------------------------------- refusals


def test_a_file_that_changes_on_the_way_is_refused(hub: LoopbackHub, client: Client) -> None:
    for name in ("model.safetensors", "manifest.json", "unet/config.json"):
        address, repository = publish(hub, f"false-{len(name)}", files := sealed())
        repository.falsified = frozenset({name})
        with pytest.raises(BundleError, match=f"{name} of {address} arrived with another checksum"):
            client(hub_client.pull, address)
        repository.falsified = frozenset()
        assert contents(client(hub_client.pull, address)) == files


def test_a_commit_that_contradicts_its_own_manifest_is_refused(hub: LoopbackHub, client: Client) -> None:
    address, _ = publish(hub, "liar", sealed() | {"model.safetensors": b"others"})
    with pytest.raises(BundleError, match=r"model\.safetensors has the checksum .* but the manifest says"):
        client(hub_client.pull, address)


def test_a_manifest_that_is_not_the_one_referred_to_is_refused(hub: LoopbackHub, client: Client) -> None:
    address, _ = publish(hub, "pinned", files := sealed())
    with pytest.raises(BundleError, match=r"but 000000000000\.\.\. is referred to"):
        client(hub_client.pull_pinned, address, "0" * 64)
    assert client(hub_client.pull_pinned, address, hashlib.sha256(files["manifest.json"]).hexdigest()).name == "pinned"


def test_a_checkpoint_that_is_not_here_is_the_one_that_the_list_pins(
    hub: LoopbackHub, client: Client, tmp_path: Path
) -> None:
    address, _ = publish(hub, "listed", files := sealed(seed=6))
    pinned = replace(Address.parse(address), format="guise-trunk/1", manifest="0" * 64)
    write_list(tmp_path, {"listed": pinned})
    with pytest.raises(BundleError, match=r"but 000000000000\.\.\. is referred to"):
        client(hub_client.opened_where_it_lies, tmp_path, "listed")
    write_list(tmp_path, {"listed": replace(pinned, manifest=hashlib.sha256(files["manifest.json"]).hexdigest())})
    folder = client(hub_client.opened_where_it_lies, tmp_path, "listed")
    assert contents(folder) == files
    (folder / "manifest.json").write_bytes(b"{}")
    assert contents(client(hub_client.opened_where_it_lies, tmp_path, "listed")) == files, "it is the pinned one again"


@pytest.mark.parametrize(
    ("accident", "sentence"),
    [
        ({"gated": True}, "access is given on request. Ask on its page, then set HF_TOKEN to your token."),
        ({"moved_to": f"{OWNER}/renamed"}, f"has another name now. If you trust it, write hf:{OWNER}/renamed@"),
        ({"answers_with": NOBODY}, f"is pinned, but the Hub answers with the commit {NOBODY}"),
        ({"hidden": frozenset({"model.safetensors"})}, "is not whole: its manifest.json lists model.safetensors"),
        ({"hidden": frozenset({"manifest.json"})}, "holds no bundle: 4 files, manifest.json must be one of"),
    ],
)
def test_a_repository_that_is_not_what_was_meant_is_refused(
    hub: LoopbackHub, client: Client, accident: dict[str, Any], sentence: str
) -> None:
    address, repository = publish(hub, "bundle", sealed(seed=len(sentence)))
    hub.repositories[f"{OWNER}/renamed"] = Repository(dict(repository.commits))
    for name, value in accident.items():
        setattr(repository, name, value)
    with pytest.raises(BundleError) as refused:
        client(hub_client.pull, address)
    assert sentence in str(refused.value)
    assert address in str(refused.value)


def test_what_is_not_on_the_hub_is_a_sentence(hub: LoopbackHub, client: Client) -> None:
    with pytest.raises(BundleError, match=r"there is no such repository, or it is private\. Check its name"):
        client(hub_client.pull, f"hf:{OWNER}/nothing@{NOBODY}")
    publish(hub, "moved", sealed())
    with pytest.raises(BundleError, match="the repository has no such commit, or no longer"):
        client(hub_client.pull, f"hf:{OWNER}/moved@{NOBODY}")


@pytest.mark.parametrize(("status", "sentence"), [(503, "answers 503"), (429, "too many questions"), (403, "HF_TOKEN")])
def test_a_hub_in_trouble_is_a_sentence(hub: LoopbackHub, client: Client, status: int, sentence: str) -> None:
    address, _ = publish(hub, "troubled", sealed(seed=status))
    hub.status = status
    with pytest.raises(BundleError, match=sentence):
        client(hub_client.pull, address)


@pytest.mark.parametrize(
    ("page", "headers"),
    [
        (b"<html>Sign in, please.</html>", {"Content-Type": "text/html"}),
        (b"\xff\xfe\xfd", {"Content-Type": "application/json"}),
        (b"no gzip", {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        (b"{}", {"Content-Type": "application/json"}),
        (b"[1]", {"Content-Type": "application/json"}),
    ],
)
def test_whoever_answers_in_place_of_the_hub_is_no_hub(
    hub: LoopbackHub, client: Client, page: bytes, headers: dict[str, str]
) -> None:
    """As the page of a hotel's network does."""
    address, _ = publish(hub, "behind", sealed())
    hub.portal = page, headers
    with pytest.raises(BundleError, match=rf"{address} could not be fetched: what answers at {hub.url} is no Hub \("):
        client(hub_client.pull, address)


def test_an_address_that_leads_to_itself_is_a_sentence(hub: LoopbackHub, client: Client) -> None:
    address, repository = publish(hub, "circle", sealed())
    repository.moved_to = f"{OWNER}/circle"
    with pytest.raises(BundleError, match=rf"what answers at {hub.url} is no Hub \(Exceeded maximum allowed redirects"):
        client(hub_client.pull, address)


def test_an_owner_who_is_not_trusted_is_not_asked(hub: LoopbackHub, client: Client) -> None:
    commit = hub.publish("stranger/bundle", sealed())
    with pytest.raises(
        BundleError, match=r"taken from someone so far\. To trust stranger as well, add the name to GUISE"
    ):
        client(hub_client.have, f"hf:stranger/bundle@{commit}")
    assert hub.requests == []
    folder = client(hub_client.have, f"hf:stranger/bundle@{commit}", GUISE_HUB_OWNERS=f"{OWNER}, stranger")
    with pytest.raises(BundleError, match="taken from someone so far"):
        client(hub_client.have, str(folder))


def test_without_a_network_the_sentence_names_the_hub(hub: LoopbackHub, client: Client) -> None:
    hub.gone = True
    with pytest.raises(BundleError, match=f"{hub.url} cannot be reached"):
        client(hub_client.pull, f"hf:{OWNER}/bundle@{NOBODY}")


def test_a_client_that_is_told_to_stay_offline_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUISE_CACHE", str(tmp_path))
    monkeypatch.setenv("GUISE_HUB_OWNERS", OWNER)
    with pytest.raises(BundleError, match="HF_HUB_OFFLINE forbids asking the Hub"):
        pull(Address.parse(f"hf:{OWNER}/bundle@{NOBODY}"))


def test_a_full_disk_is_a_sentence_and_leaves_no_bundle(hub: LoopbackHub, client: Client) -> None:
    address, _ = publish(hub, "large", files := sealed(seed=5))
    with pytest.raises(BundleError, match=r"the disk is full\. Make room, or set GUISE_CACHE"):
        client(hub_client.pull_with_little_room, address, SIZE // 2)
    assert contents(client(hub_client.pull, address)) == files


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hf:owner/name", "names no commit: branches and tags can move"),
        ("hf:owner/name@main", "names no commit"),
        ("hf:owner/name@" + "0" * 39, "names no commit"),
        ("hf:owner@" + NOBODY, "is no address on the Hub"),
        ("hf:owner/../name@" + NOBODY, "is no address on the Hub"),
        ("hf:ow--ner/name@" + NOBODY, "is no address on the Hub"),
    ],
)
def test_an_address_names_one_commit(text: str, sentence: str) -> None:
    with pytest.raises(BundleError, match=sentence):
        Address.parse(text)


# ---------------------------------------------------------------- the cache


def test_damage_in_the_cache_is_mended_by_pulling_again(hub: LoopbackHub, client: Client) -> None:
    address, _ = publish(hub, "damaged", files := sealed())
    folder = client(hub_client.pull, address)
    (folder / "model.safetensors").write_bytes(b"?")
    hub.requests.clear()
    assert contents(client(hub_client.pull, address)) == files
    assert ["model.safetensors" in path for _, path, _ in downloads(hub)] == [True], "the other files were kept"


def test_a_folder_that_lost_its_manifest_is_mended_by_pulling_again(hub: LoopbackHub, client: Client) -> None:
    address, _ = publish(hub, "headless", files := sealed(seed=8))
    folder = client(hub_client.pull, address)
    (folder / "manifest.json").unlink()
    hub.requests.clear()
    assert contents(client(hub_client.have, address)) == files
    assert downloads(hub) == [], "the weights were kept"


def test_what_the_clients_own_cache_holds_is_taken_from_there(hub: LoopbackHub, client: Client) -> None:
    """As on a Space that preloads a repository when it is built."""
    address, _ = publish(hub, "preloaded", files := sealed(seed=3))
    client(hub_client.preload, f"{OWNER}/preloaded", Address.parse(address).commit)
    hub.requests.clear()
    hub.status = 503
    assert contents(client(hub_client.pull, address)) == files
    assert hub.requests == []
