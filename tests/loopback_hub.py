"""A Hub on 127.0.0.1 that the real `huggingface_hub` client talks to: repositories with commits, small files and large
ones (LFS: preupload, batch, PUT, verify), redirects of what was renamed, gates, and the accidents of a network.

It keeps everything in memory, and lists every request. Accidents are set per repository: see `Repository`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mmap
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_loopback"  # noqa: S105
LARGE = ".safetensors"  # what is kept as LFS
SLICE = 1 << 14  # bytes that are sent at a time


@dataclass
class Repository:
    """The commits of a repository, the last one last: commit -> {path: content}; and what goes wrong with it."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: bool = False
    moved_to: str = ""
    answers_with: str = ""  # another commit than was asked for
    budget: int | None = None  # bytes of files until the line is cut, again and again; None: never
    falsified: frozenset[str] = frozenset()  # files whose first byte is another one on the way
    hidden: frozenset[str] = frozenset()  # files that the commit lists no longer

    @property
    def head(self) -> str:
        return next(reversed(self.commits))

    def commit(self, files: dict[str, bytes]) -> str:
        text = json.dumps([len(self.commits), *sorted((n, _sha256(c)) for n, c in files.items())])
        commit = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = dict(files)
        return commit


class Cut(Exception):
    """The line is cut."""


class LoopbackHub(ThreadingHTTPServer):
    """The server; `url` is what HF_ENDPOINT is set to."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str]] = []  # method, path, Range
        self.portal: tuple[bytes, dict[str, str]] | None = (
            None  # what somebody between answers in its place, and headers
        )
        self.status = 0  # what everything is answered with, unless 0
        self.gone = False  # whether every line is cut at once
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def storage(self) -> str:
        """Where large files are: another host, as at the real Hub, so the client must not send its token there."""
        return f"http://localhost:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""

    def publish(self, name: str, files: dict[str, bytes]) -> str:
        """A commit with these files, as if somebody had pushed it."""
        repository = self.repositories.setdefault(name, Repository())
        return repository.commit({".gitattributes": b"*.safetensors filter=lfs\n"} | files)


@contextmanager
def serving() -> Iterator[LoopbackHub]:
    with LoopbackHub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield hub
        hub.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LoopbackHub

    def log_message(self, *_: Any) -> None:
        """Quietly."""

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def answer(self) -> None:
        self.path_only = unquote(urlsplit(self.path).path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            self.server.requests.append((self.command, self.path_only, self.headers.get("Range", "")))
        try:
            if self.server.gone:
                raise Cut
            self.route()
        except Cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def route(self) -> None:
        if self.server.portal:
            return self.send(self.server.portal[0], headers=self.server.portal[1])
        if self.server.status:
            return self.refuse(self.server.status)
        token, stored = self.headers.get("authorization"), self.path_only.startswith("/large/")
        if token if stored else self.command in ("POST", "PUT") and token != f"Bearer {TOKEN}":
            return self.refuse(401)
        for pattern, action in ROUTES:
            if match := re.fullmatch(pattern, self.path_only):
                return action(self, *match.groups())
        return self.refuse(404)

    # ------------------------------------------------------------ answers

    def reply(self, payload: Any, status: int = 200) -> None:
        self.send(json.dumps(payload).encode(), status, {"Content-Type": "application/json"})

    def refuse(self, status: int, code: str = "", **headers: str) -> None:
        self.send(b"{}", status, ({"X-Error-Code": code} if code else {}) | headers)

    def send(self, content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_file(self, repository: Repository, name: str, content: bytes, headers: dict[str, str]) -> None:
        """The bytes that were asked for, as far as the line lets them through."""
        if name in repository.falsified:
            content = bytes([content[0] ^ 1]) + content[1:]
        begin = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(begin[1]) if begin else 0
        self.send_response(206 if begin else 200)
        for key, value in ({"Content-Length": str(len(content) - start)} | headers).items():
            self.send_header(key, value)
        if begin:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        while self.command != "HEAD" and start < len(content):
            piece = content[start : start + self.allowed(repository, min(SLICE, len(content) - start))]
            self.wfile.write(piece)
            start += len(piece)

    def allowed(self, repository: Repository, wanted: int) -> int:
        """How many of the bytes that are wanted next go through."""
        with self.server.lock:
            if repository.budget is None:
                return wanted
            if repository.budget == 0:
                raise Cut
            wanted = min(wanted, repository.budget)
            repository.budget -= wanted
            return wanted

    def repository(self, name: str, path: str) -> Repository | None:
        """The repository, or None when the answer was that there is none."""
        repository = self.server.repositories.get(name)
        if repository is None:
            self.refuse(404, "RepoNotFound")
        elif repository.moved_to:
            self.refuse(307, Location=path.replace(name, repository.moved_to, 1))
        elif repository.budget == 0:
            raise Cut
        else:
            return repository
        return None

    # ------------------------------------------------------------ reading

    def info(self, name: str, revision: str = "main") -> None:
        repository = self.repository(name, self.path)
        if repository is None:
            return None
        commit = repository.head if revision == "main" else revision
        if commit not in repository.commits:
            return self.refuse(404, "RevisionNotFound")
        files = {n: c for n, c in repository.commits[commit].items() if n not in repository.hidden}
        siblings = [_described(name, content) for name, content in files.items()]
        return self.reply({"id": name, "sha": repository.answers_with or commit, "siblings": siblings, "tags": []})

    def tree(self, name: str, revision: str) -> None:
        repository = self.repository(name, self.path)
        if repository is not None:
            files = repository.commits[repository.head if revision == "main" else revision]
            self.reply([{"type": "file", "path": n, "size": len(c), "oid": _git(c)} for n, c in files.items()])

    def resolve(self, name: str, revision: str, path: str) -> None:
        repository = self.repository(name, self.path)
        if repository is None:
            return None
        if repository.gated:
            return self.refuse(403, "GatedRepo")
        if revision not in repository.commits:
            return self.refuse(404, "RevisionNotFound")
        content = repository.commits[revision].get(path)
        if content is None:
            return self.refuse(404, "EntryNotFound")
        headers = {"X-Repo-Commit": revision, "ETag": f'"{_git(content)}"'}
        if not path.endswith(LARGE):
            return self.send_file(repository, path, content, headers)
        digest = _sha256(content)
        self.server.large[digest] = content
        linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        return self.refuse(302, **headers, **linked, Location=f"{self.server.storage}/large/{name}/{digest}/{path}")

    def large_file(self, name: str, digest: str, path: str) -> None:
        if self.command == "PUT":
            self.server.large[digest] = self.body
            return self.send(b"")
        return self.send_file(self.server.repositories[name], path, self.server.large[digest], {})

    # ------------------------------------------------------------ writing

    def create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked['organization']}/{asked['name']}"
        status = 409 if name in self.server.repositories else 200
        if status == 200:
            self.server.publish(name, {})
        self.reply({"url": f"{self.server.url}/{name}"}, status)

    def preupload(self, name: str, _: str) -> None:
        repository = self.server.repositories[name]
        files = [file["path"] for file in json.loads(self.body)["files"]]
        here = repository.commits[repository.head]
        self.reply(
            {
                "files": [
                    {"path": path, "uploadMode": "lfs" if path.endswith(LARGE) else "regular", "shouldIgnore": False}
                    | ({"oid": _oid(path, here[path])} if path in here else {})
                    for path in files
                ]
            }
        )

    def batch(self, name: str) -> None:
        objects = []
        for entry in json.loads(self.body)["objects"]:
            link = f"{self.server.storage}/large/{name}/{entry['oid']}/weights"
            new = entry["oid"] not in self.server.large
            actions = {"upload": {"href": link}, "verify": {"href": f"{self.server.url}/verify"}}
            objects.append(entry | ({"actions": actions} if new else {}))
        self.reply({"objects": objects, "transfer": "basic"})

    def verify(self) -> None:
        asked = json.loads(self.body)
        content = self.server.large.get(asked["oid"], b"")
        whole = len(content) == asked["size"] and _sha256(content) == asked["oid"]
        self.reply({}, 200 if whole else 422)

    def commit(self, name: str, _: str) -> None:
        repository = self.server.repositories[name]
        files = dict(repository.commits[repository.head])
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        commit = repository.commit(files)
        self.reply({"commitUrl": f"{self.server.url}/{name}/commit/{commit}", "commitOid": commit})

    def yaml(self) -> None:
        self.reply({"errors": [], "warnings": []})


NAME, REVISION = r"([\w.-]+/[\w.-]+)", r"([\w.-]+)"
ROUTES: list[tuple[str, Any]] = [
    (rf"/api/models/{NAME}", _Handler.info),
    (rf"/api/models/{NAME}/revision/{REVISION}", _Handler.info),
    (rf"/api/models/{NAME}/tree/{REVISION}", _Handler.tree),
    (rf"/api/models/{NAME}/preupload/{REVISION}", _Handler.preupload),
    (rf"/api/models/{NAME}/commit/{REVISION}", _Handler.commit),
    (r"/api/repos/create", _Handler.create),
    (r"/api/validate-yaml", _Handler.yaml),
    (rf"/{NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    (rf"/{NAME}/resolve/{REVISION}/(.+)", _Handler.resolve),
    (rf"/large/{NAME}/([0-9a-f]{{64}})/(.+)", _Handler.large_file),
    (r"/verify", _Handler.verify),
]


@lru_cache(maxsize=64)
def _of_mapped(content: mmap.mmap) -> str:
    """Large files are mapped, and digested once."""
    return hashlib.sha256(content).hexdigest()


def _sha256(content: bytes | mmap.mmap) -> str:
    return _of_mapped(content) if isinstance(content, mmap.mmap) else hashlib.sha256(content).hexdigest()


def _described(name: str, content: bytes) -> dict[str, Any]:
    described: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": _git(content)}
    if name.endswith(LARGE):
        digest = _sha256(content)
        described["lfs"] = {"size": len(content), "sha256": digest, "pointerSize": 130}
    return described


def _git(content: bytes | mmap.mmap) -> str:
    if isinstance(content, mmap.mmap):  # git keeps a pointer to it
        content = _sha256(content).encode()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _oid(path: str, content: bytes) -> str:
    return _sha256(content) if path.endswith(LARGE) else _git(content)
