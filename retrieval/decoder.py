"""Visitors' pictures are decoded in processes of their own, with a deadline and a bound on memory.

What a file asks of its decoder is not known before it is decoded. Here a picture that asks for too much ends its own
process, and neither the page nor another visitor's picture waits for it. A process answers one path after the other:
a line of JSON with the size, or with what is wrong, and the pixels. It ends with the program that started it.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from PIL import Image

from retrieval.errors import UnreadableImage
from retrieval.files import printable
from retrieval.formats import VISITOR
from retrieval.images import open_image

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 12.0  # a picture may take; one of 40 megapixels takes about one, more where the machine is busy
START = 60.0  # seconds that a process may take to start
MEMORY = 2_000_000_000  # bytes of addresses that a process may have
PROCESSES = 8  # at once; they are started as they are needed
READY = b"ready\n"


class Overrun(Exception):
    """The process did not answer in time, or has ended."""


class Decoders:
    """A pool of decoding processes. `open` is `images.open_image` with a deadline."""

    def __init__(self, seconds: float = SECONDS, processes: int = PROCESSES) -> None:
        self._seconds = seconds
        self._places = threading.Semaphore(processes)
        self._idle: list[_Process] = []

    def open(self, path: Path) -> Image.Image:
        """The picture, within a visitor's limits. Raises UnreadableImage for what `open_image` refuses, and for a
        picture that takes too long.
        """
        if not self._places.acquire(timeout=self._seconds):
            raise UnreadableImage("Too many pictures are being opened right now. Try again in a moment.")
        try:
            return self._opened(path)
        finally:
            self._places.release()

    def warm(self) -> None:
        """Start one process, so that the first visitor does not wait for it."""
        self._idle.append(_Process())

    def close(self) -> None:
        """End the processes that are idle."""
        while self._idle:
            self._idle.pop().end()

    def _opened(self, path: Path) -> Image.Image:
        process = self._process()
        try:
            image = process.open(path, self._seconds)
        except UnreadableImage:
            self._idle.append(process)
            raise
        except Overrun as error:
            process.end()
            raise UnreadableImage(
                f"{printable(path.name)} takes more than {self._seconds:g} seconds to open. "
                "Save it again as a plain PNG or JPEG, or choose another picture."
            ) from error
        except BaseException:
            process.end()
            raise
        self._idle.append(process)
        return image

    def _process(self) -> _Process:
        """An idle process that still lives, or a new one."""
        with suppress(IndexError):
            while True:
                process = self._idle.pop()
                if process.lives:
                    return process
                process.end()
        return _Process()


class _Process:
    """One decoding process, seen from the program that asks it."""

    def __init__(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "retrieval.decoder"],  # our own module
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            bufsize=0,
            start_new_session=True,  # what is typed at the terminal ends the app, which then ends its processes
        )
        self._started = False

    def open(self, path: Path, seconds: float) -> Image.Image:
        """The picture. Raises Overrun where the process does not answer within `seconds`."""
        if not self._started:
            self._line(time.monotonic() + START)
            self._started = True
        deadline = time.monotonic() + seconds
        asked = self._process.stdin
        assert asked is not None, "it was opened with a pipe"
        try:
            asked.write(json.dumps(os.fspath(path)).encode() + b"\n")
        except OSError as error:
            raise Overrun from error
        answer = json.loads(self._line(deadline))
        if "refusal" in answer:
            raise UnreadableImage(answer["refusal"])
        width, height = answer["size"]
        return Image.frombytes("RGB", (width, height), self._read(width * height * 3, deadline))

    @property
    def lives(self) -> bool:
        """Whether it can be asked; the machine may have ended it while it was idle."""
        return self._process.poll() is None

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()

    def _line(self, deadline: float) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n"):
            line += self._read(1, deadline)
        return bytes(line)

    def _read(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None, "it was opened with a pipe"
        pipe = self._process.stdout.fileno()
        received = bytearray()
        with selectors.DefaultSelector() as selector:  # `select` itself refuses a pipe whose number is above 1023
            selector.register(pipe, selectors.EVENT_READ)
            while len(received) < count:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                part = os.read(pipe, min(count - len(received), 1 << 20)) if ready else b""
                if not part:
                    raise Overrun
                received += part
        return bytes(received)


DECODERS = Decoders()
"""Those of the page."""


# ---------------------------------------------------------------- in the process


def serve(asked: IO[bytes], answered: IO[bytes]) -> None:
    """Answer path after path until there are no more."""
    answered.write(READY)
    answered.flush()
    for line in asked:
        try:
            image = open_image(Path(json.loads(line)), VISITOR)
        except UnreadableImage as error:
            answered.write(json.dumps({"refusal": str(error)}).encode() + b"\n")
        else:
            answered.write(json.dumps({"size": image.size}).encode() + b"\n" + image.tobytes())
        answered.flush()


def _bound() -> None:
    """Take no more memory than a picture needs."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # here: only Unix has it

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    _bound()
    serve(sys.stdin.buffer, sys.stdout.buffer)
