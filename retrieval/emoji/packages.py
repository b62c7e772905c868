"""The published packages that hold the pictures, each by one hand, and their icons by name.

An icon package has the format of Iconify JSON: `icons.json` has the body of each icon as SVG, `chars.json` says which
icon is which character, where the package knows it, and `package.json` has the version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from retrieval.errors import DataError


@dataclass(frozen=True)
class Hand:
    """A set of drawings. Sets with one `family` are variants of the same drawings and count as one hand."""

    name: str  # the domain of its pictures
    title: str
    family: str
    package: str
    version: str
    author: str
    source: str
    licence: str
    link: str  # to the licence

    @property
    def folder(self) -> str:
        """The name as a part of file names and ids."""
        return self.name.replace(" ", "-")


APACHE = "https://www.apache.org/licenses/LICENSE-2.0"
BY = "https://creativecommons.org/licenses/by/4.0/"
HANDS = (
    Hand(
        "noto", "Noto Emoji", "noto", "@iconify-json/noto", "1.2.9",
        "Google LLC", "https://github.com/googlefonts/noto-emoji", "Apache-2.0", APACHE,
    ),
    Hand(
        "blob", "Noto Emoji, first version", "blob", "@iconify-json/noto-v1", "1.2.5",
        "Google LLC", "https://github.com/googlefonts/noto-emoji", "Apache-2.0", APACHE,
    ),
    Hand(
        "twemoji", "Twemoji", "twemoji", "@iconify-json/twemoji", "1.2.5",
        "Twitter, Inc and other contributors", "https://github.com/jdecked/twemoji", "CC BY 4.0", BY,
    ),
    Hand(
        "fluent", "Fluent Emoji, flat", "fluent", "@iconify-json/fluent-emoji-flat", "1.2.6",
        "Microsoft Corporation", "https://github.com/microsoft/fluentui-emoji", "MIT",
        "https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE",
    ),
    Hand(
        "fluent ink", "Fluent Emoji, high contrast", "fluent", "@iconify-json/fluent-emoji-high-contrast", "1.2.6",
        "Microsoft Corporation", "https://github.com/microsoft/fluentui-emoji", "MIT",
        "https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE",
    ),
    Hand(
        "openmoji", "OpenMoji", "openmoji", "@iconify-json/openmoji", "1.2.29",
        "OpenMoji, HfG Schwäbisch Gmünd", "https://openmoji.org", "CC BY-SA 4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ),
    Hand(
        "emojione", "EmojiOne 2 (EmojiTwo)", "emojione", "@iconify-json/emojione", "1.2.3",
        "EmojiOne and the EmojiTwo contributors", "https://github.com/EmojiTwo/emojitwo", "CC BY 4.0", BY,
    ),
    Hand(
        "fxemoji", "FxEmojis", "fxemoji", "@iconify-json/fxemoji", "1.2.2",
        "Mozilla Foundation", "https://github.com/mozilla/fxemoji", "Apache-2.0", APACHE,
    ),
    Hand(
        "streamline", "Streamline Emojis", "streamline", "@iconify-json/streamline-emojis", "1.2.4",
        "Streamline (Webalys)", "https://github.com/webalys-hq/streamline-vectors", "CC BY 4.0", BY,
    ),
    Hand(
        "game icons", "Game-icons.net", "game icons", "@iconify-json/game-icons", "1.2.4",
        "Lorc, Delapouite and other contributors", "https://game-icons.net", "CC BY 3.0",
        "https://creativecommons.org/licenses/by/3.0/",
    ),
)  # fmt: skip
NAMES = ("emojibase-data", "17.0.0")  # names, keywords and groups of all emoji, MIT


def package_list() -> list[str]:
    """Every package with its version, as npm takes them."""
    return [f"{package}@{version}" for package, version in (NAMES, *((hand.package, hand.version) for hand in HANDS))]


@dataclass(frozen=True)
class Icons:
    """The icons of one package."""

    icons: dict[str, Any]  # `icons.json`
    characters: dict[str, str]  # code points, "1f419" -> name

    @classmethod
    def read(cls, packages: Path, hand: Hand) -> Icons:
        """The hand's package in the folder. Raises DataError where it is missing or another version."""
        folder = package_folder(packages, hand.package, hand.version)
        return cls(read_json(folder / "icons.json"), read_json(folder / "chars.json"))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the icons, the other names of an icon included."""
        others = self.icons.get("aliases", {}).items()
        return frozenset([*self.icons["icons"], *(name for name, alias in others if alias.keys() == {"parent"})])

    def original(self, name: str) -> str:
        """The icon's own name, for one of its names."""
        return name if name in self.icons["icons"] else self.original(self.icons["aliases"][name]["parent"])

    def svg(self, name: str) -> str:
        """The icon as an SVG document; what has no colour of its own is black."""
        icon = self.icons | self.icons["icons"][self.original(name)]
        box = " ".join(str(icon.get(key, value)) for key, value in (("left", 0), ("top", 0), *_SIZE))
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{box}" color="#111">{icon["body"]}</svg>'
        )


_SIZE = (("width", 16), ("height", 16))  # of an icon that does not say


def package_folder(packages: Path, package: str, version: str) -> Path:
    """Where the package lies. Raises DataError where it is missing or another version."""
    folder = packages / package
    hint = "Unpack it there: make emoji-gallery"
    if not (folder / "package.json").is_file():
        raise DataError(f"{folder} does not hold the package {package} {version}. {hint}")
    if (actual := read_json(folder / "package.json").get("version")) != version:
        raise DataError(f"{folder} holds {package} {actual}; the gallery is built from {version}. {hint}")
    return folder


def read_json(path: Path) -> Any:
    """The file's JSON. Raises DataError where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}). Unpack the package again: make emoji-gallery") from error
