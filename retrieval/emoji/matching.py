"""Which icon of a package shows which thing: by the character where the package knows it, else by name.

Packages name one emoji differently. All the names that some package gives to a character are tried in those packages
that know names alone; a name that belongs to two characters is tried for neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from retrieval.emoji.packages import Icons
from retrieval.emoji.subjects import Subject, slug

# Names that no other package has, or has for something else: hand -> the icon's name -> the standard's.
OWN_NAMES = {"fxemoji": {
    "aubergine": "eggplant", "bactriancamel": "two-hump-camel", "blackscissors": "scissors", "bunny": "rabbit-face",
    "bouquetofflowers": "bouquet", "bullhorn": "loudspeaker", "bunnyside": "rabbit", "catside": "cat",
    "cellphone": "mobile-phone", "chilipepper": "hot-pepper", "controlknob": "control-knobs", "dogside": "dog",
    "curryandrice": "curry-rice", "daggerknife": "dagger", "darksunglasses": "sunglasses", "doveofpeace": "dove",
    "dragonhead": "dragon-face", "dragonside": "dragon", "dromedarycamel": "camel", "earofmaize": "ear-of-corn",
    "earofrice": "sheaf-of-rice", "electrictorch": "flashlight", "europeancastle": "castle", "hampster": "hamster",
    "evergreen": "evergreen-tree", "fallingleaf": "fallen-leaf", "fishcakeswirl": "fish-cake-with-swirl",
    "forkknife": "fork-and-knife-with-plate", "keyboard": "musical-keyboard",
    "frontfacingchick": "front-facing-baby-chick", "gem": "gem-stone",
    "heels": "high-heeled-shoe", "hocho": "kitchen-knife", "hourglassflowingsand": "hourglass-not-done",
    "izakayalantern": "red-paper-lantern", "leopardside": "leopard", "lock": "locked", "makeupbag": "clutch-bag",
    "manltepiececlock": "mantelpiece-clock", "mensshoe": "mans-shoe", "minidisc": "computer-disk",
    "mensrunner": "running-shoe", "mouseside": "mouse", "opticaldisc": "optical-disk", "pigside": "pig",
    "pinkwallet": "purse", "pigsnout": "pig-nose", "present": "wrapped-gift", "racecar": "racing-car",
    "sakebottleandcup": "sake", "sandals": "womans-sandal", "schoolsatchel": "backpack", "sheep": "ewe",
    "skiandskiboot": "skis", "sliceofpizza": "pizza", "snowmountains": "snow-capped-mountain", "tigerside": "tiger",
    "spiralcalendarpad": "spiral-calendar", "spurtingwhale": "spouting-whale", "steamlocomotive": "locomotive",
    "studiomic": "studio-microphone", "tie": "necktie", "toykotower": "tokyo-tower", "videocasette": "videocassette",
    "highspeedtrainbulletnose": "bullet-train", "housebuilding": "house", "housebuildings": "houses",
    "framewithpicture": "framed-picture", "boot": "womans-boot", "tennisball": "tennis",
    "beachumbrella": "beach-with-umbrella", "personalcomputer": "laptop", "oldpersonalcomputer": "desktop-computer",
    "billiards": "pool-8-ball", "basketballandhoop": "basketball", "portablestereo": "radio",
}}  # fmt: skip

# Icons whose picture is not what their name says (a flag, a cricket bat), or that show a person: hand, name.
WRONG = frozenset(
    {
        ("streamline", "turkey"), ("streamline", "headphone"), ("blob", "cricket"), ("emojione", "cricket"),
        ("game icons", "ram"), ("game icons", "pig-face"), ("game icons", "canoe"), ("game icons", "fountain"),
        ("emojione", "motorcycle"), ("emojione", "speedboat"),
    }
)  # fmt: skip


def match_icons(icons: Mapping[str, Icons], subjects: Sequence[Subject]) -> dict[str, dict[str, str]]:
    """Of each hand the icons that show subjects: hand -> code of the subject -> name of the icon."""
    others = _other_names(icons.values(), subjects)
    matched = {hand: _match(own, subjects, others, OWN_NAMES.get(hand, {})) for hand, own in icons.items()}
    return {
        hand: {code: name for code, name in names.items() if (hand, name) not in WRONG}
        for hand, names in matched.items()
    }


def _match(
    icons: Icons, subjects: Sequence[Subject], others: Mapping[str, Sequence[str]], own: Mapping[str, str]
) -> dict[str, str]:
    if icons.characters:
        return _by_character(icons)
    written = _names_as_written(icons.names, own)
    matched = {}
    for subject in subjects:
        names = (slug(subject.name), *others.get(subject.code, ()))
        if (name := next((name for name in names if name in written), None)) is not None:
            matched[subject.code] = written[name]
    return matched


def _by_character(icons: Icons) -> dict[str, str]:
    return {code.replace("-fe0f", ""): name for code, name in icons.characters.items() if name in icons.names}


def _names_as_written(names: frozenset[str], own: Mapping[str, str]) -> dict[str, str]:
    """What an icon may be asked for by -> its name. The first of several variants, "ring-1", stands for all."""
    plain = sorted(names - own.keys(), reverse=True)
    written = {name.removesuffix("-1"): name for name in plain} | {name: name for name in plain}
    return written | {own[name]: name for name in sorted(names & own.keys())}


def _other_names(packages: Iterable[Icons], subjects: Sequence[Subject]) -> dict[str, list[str]]:
    """What packages that know characters call them besides: code -> names, and those without hyphens."""
    owners: defaultdict[str, set[str]] = defaultdict(set)  # name -> codes
    for subject in subjects:
        owners[slug(subject.name)].add(subject.code)
    for icons in packages:
        codes: defaultdict[str, set[str]] = defaultdict(set)
        for code, name in _by_character(icons).items():
            codes[icons.original(name)].add(code)
        for name in icons.names:
            owners[name] |= codes[icons.original(name)]
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name, codes_of_name in sorted(owners.items()):
        if len(codes_of_name) == 1:
            names[next(iter(codes_of_name))] += dict.fromkeys((name, name.replace("-", "")))
    return dict(names)
