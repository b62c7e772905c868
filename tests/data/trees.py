"""Small copies of published data sets: the readers never decode a picture, so a file that is called one will do."""

from __future__ import annotations

from pathlib import Path


def plant(root: Path, *names: str, same: str | None = None) -> Path:
    """Write a file for each name, all different unless `same` says what is in them. Returns the root."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(same or name, encoding="utf-8")
    return root


def write_list(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def told(problems: tuple[str, ...], *words: str) -> bool:
    """Whether one of the problems says all of the words."""
    return any(all(word in problem for word in words) for problem in problems)
