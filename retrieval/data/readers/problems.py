"""What is wrong with a copy of a published data set, in sentences, which go into its table's `problems`.

Copies differ: archives are unpacked by halves, folders renamed, files listed that nobody has. A reader goes on with
what is there and says what is not; data that cannot be used at all raise DataError. Where files lie is the business of
`layouts` and `filelists`; which classes are unseen is in `splits`.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from retrieval.data.picture_table import PictureTable, Row
from retrieval.data.readers.files import path_of
from retrieval.types import Domain

NAMED = 5  # so many are named in a problem, the rest are counted


def checked(table: PictureTable) -> PictureTable:
    """The table, with identical files among its problems. Reads every file that has the size of another."""
    return table.with_problems(*identical_files(table))


def identical_files(rows: Iterable[Row]) -> list[str]:
    """A sentence for all pictures whose files hold the same bytes, and one more when some of them differ in class."""
    by_size: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if path_of(row).is_file():
            by_size[path_of(row).stat().st_size].append(row)
    by_bytes: dict[str, list[Row]] = defaultdict(list)
    for same_size in by_size.values():
        if len(same_size) > 1:
            for row in same_size:
                by_bytes[_digest(path_of(row))].append(row)
    twins = [same for same in by_bytes.values() if len(same) > 1]
    torn = [same for same in twins if len({row.label for row in same}) > 1]
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
    rows: Iterable[Row], domain: Domain, classes: Sequence[str], low: int = 1, high: int | None = None
) -> list[str]:
    """A sentence for the classes without pictures in the domain, and one for those with fewer than `low` or more than
    `high` of them.
    """
    held = Counter(row.label for row in rows if row.domain == domain)
    empty = [name for name in classes if not held[name]]
    odd = [name for name in classes if 0 < held[name] < low or (high is not None and held[name] > high)]
    problems = []
    if empty:
        problems.append(f"Classes without a picture of the domain {domain.name}: {len(empty)} ({some(empty)}).")
    if odd:
        wanted = f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
        named = some(f"{name} ({held[name]})" for name in odd)
        problems.append(
            f"Classes that do not hold {wanted} pictures of the domain {domain.name}: {len(odd)} ({named})."
        )
    return problems


def odd_totals(counts: Mapping[str, int], published: Mapping[str, int]) -> list[str]:
    """A sentence for each number that is not the published one."""
    return [
        f"The number of {what} is {counts.get(what, 0):,}; {wanted:,} are published."
        for what, wanted in published.items()
        if counts.get(what, 0) != wanted
    ]


def some(names: Iterable[str]) -> str:
    """The names, or the first few and how many more there are."""
    listed = list(names)
    rest = f" and {len(listed) - NAMED:,} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + rest


def _pair(same: Sequence[Row]) -> str:
    return " = ".join(row.id for row in same[:2])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
