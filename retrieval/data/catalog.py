"""What the reader of a published data set hands back: its pictures, and in sentences what is wrong with this copy.

Copies differ: archives are unpacked by halves, folders renamed, files listed that nobody has. A reader goes on with
what is there and says what is not; data that cannot be used at all raise DataError. Where files lie is the business of
`layouts` and `filelists`; which classes are unseen is in `splits`.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.types import Domain, Item

NAMED = 5  # so many are named in a problem, the rest are counted


@dataclass(frozen=True)
class Collection:
    """The pictures of a data set in order, and its problems, one sentence each."""

    items: tuple[Item, ...]
    problems: tuple[str, ...] = ()

    def of(self, domain: Domain, labels: Container[str] | None = None) -> tuple[Item, ...]:
        """The pictures of a domain, in all classes or in those of `labels`."""
        return tuple(item for item in self.items if item.domain == domain and (labels is None or item.label in labels))

    def checked(self) -> Collection:
        """The same pictures, with identical files among the problems. Reads every file that has the size of another."""
        return replace(self, problems=(*self.problems, *identical_files(self.items)))


def merged(parts: Iterable[Collection]) -> Collection:
    """All pictures and all problems of the parts."""
    kept = list(parts)
    return Collection(tuple(i for part in kept for i in part.items), tuple(p for part in kept for p in part.problems))


def identical_files(items: Iterable[Item]) -> list[str]:
    """A sentence for all pictures whose files hold the same bytes, and one more when some of them differ in class."""
    by_size: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        if item.path.is_file():
            by_size[item.path.stat().st_size].append(item)
    by_bytes: dict[str, list[Item]] = defaultdict(list)
    for same_size in by_size.values():
        if len(same_size) > 1:
            for item in same_size:
                by_bytes[_digest(item.path)].append(item)
    twins = [same for same in by_bytes.values() if len(same) > 1]
    torn = [same for same in twins if len({item.label for item in same}) > 1]
    problems = []
    if twins:
        extra = sum(len(same) - 1 for same in twins)
        problems.append(
            f"Byte for byte the same as another picture: {extra:,} ({some(_pair(same) for same in twins)})."
        )
    if torn:
        problems.append(f"Identical files are in different classes: {some(_pair(same) for same in torn)}.")
    return problems


def odd_counts(
    items: Iterable[Item], domain: Domain, classes: Sequence[str], low: int = 1, high: int | None = None
) -> list[str]:
    """A sentence for the classes without pictures in the domain, and one for those with fewer than `low` or more than
    `high` of them.
    """
    held = Counter(item.label for item in items if item.domain == domain)
    empty = [name for name in classes if not held[name]]
    odd = [name for name in classes if 0 < held[name] < low or (high is not None and held[name] > high)]
    problems = []
    if empty:
        problems.append(f"Classes without a picture of the domain {domain.name}: {len(empty)} ({some(empty)}).")
    if odd:
        wanted = f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
        told = some(f"{name} ({held[name]})" for name in odd)
        problems.append(f"Classes that do not hold {wanted} pictures of the domain {domain.name}: {len(odd)} ({told}).")
    return problems


def odd_totals(found: Mapping[str, int], published: Mapping[str, int]) -> list[str]:
    """A sentence for each number of things that is not the published one."""
    return [
        f"The number of {what} is {found.get(what, 0):,}; {wanted:,} are published."
        for what, wanted in published.items()
        if found.get(what, 0) != wanted
    ]


def some(names: Iterable[str]) -> str:
    """The names, or the first few and how many more there are."""
    told = list(names)
    rest = f" and {len(told) - NAMED:,} more" if len(told) > NAMED else ""
    return ", ".join(told[:NAMED]) + rest


def _pair(same: Sequence[Item]) -> str:
    return " = ".join(item.id for item in same[:2])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
