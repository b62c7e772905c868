"""Flowers and cacti. Trees and the leaf blade are in `plants`, fruit in `food`.

Flowers turn their faces to +x and a little upwards, so that the viewer looks into them.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.food import reshaped
from retrieval.world.objects.plants import leaf
from retrieval.world.solids import Array, Point

GREEN = Color("green", (0.25, 0.52, 0.18))
EARTH = Material(Color("brown", (0.26, 0.17, 0.11)), 0.95)
SPINE = Material(Color("white", (0.95, 0.90, 0.72)), 0.6)


def pot(draw: Draw, radius: float) -> tuple[list[Part], float]:
    """A pot with earth whose mouth has this radius, straight, round or stepped, and the height of the earth in it."""
    kind = draw.choice("pot", ["classic", "classic", "round", "straight"])
    glaze = Material(draw.color("pot", ["orange", "orange", "white", "blue", "red", "yellow", "purple"]), 0.45)
    tall = draw.uniform("pot height", 1.15, 1.55) * radius
    shapes = {
        "classic": [(0.66, 0.0), (0.92, 0.72), (1.1, 0.72), (1.14, 1.0)],
        "round": [(0.7, 0.0), (1.02, 0.25), (1.12, 0.55), (0.98, 0.88), (1.08, 1.0)],
        "straight": [(0.98, 0.0), (1.0, 0.5), (1.02, 1.0)],
    }
    points = [(radius * r, tall * z) for r, z in shapes[kind]]
    line = points if kind != "round" else solids.curve(points, 20).tolist()
    lip = [(0.9 * radius, tall), (0.9 * radius, 0.86 * tall), (0.0, 0.86 * tall)]
    body = solids.crisp(solids.lathe([(0.0, 0.0), *line, *lip]), 25.0)
    earth = solids.pebble((0.0, 0.0, 0.86 * tall), (0.91 * radius, 0.91 * radius, 0.1 * radius))
    return [Part("pot", body, glaze), Part("soil", earth, EARTH)], 0.9 * tall


# ----- Flowers


def petal(length: float, width: float, tip: float, cup: float) -> trimesh.Trimesh:
    """A petal in the yz plane from the origin upwards, pointed for tip 0 and round for tip 1, hollowed towards +x."""
    along = np.linspace(0.0, 1.0, 14)
    round_end = np.sqrt(np.clip(1.0 - np.clip((along - 0.62) / 0.38, 0.0, 1.0) ** 2, 0.0, 1.0))
    pointed = np.clip((1.0 - along) / 0.45, 0.0, 1.0) ** 0.8
    swell = 0.32 + 0.68 * np.sin(0.5 * np.pi * np.clip(along / 0.6, 0.0, 1.0))
    half = width * swell * np.maximum(tip * round_end + (1.0 - tip) * pointed, 0.04)
    spine = np.column_stack([cup * length * (along**2 - 0.35 * along), 0 * along, length * along])
    blade = np.array(
        [(-1.0, 0.16), (-0.5, -0.02), (0.0, -0.1), (0.5, -0.02), (1.0, 0.16), (0.5, -0.2), (0.0, -0.28), (-0.5, -0.2)]
    )
    return solids.crisp(solids.swept(spine, half, blade * (1.0, -1.0)), 50.0)


def rosette(blade: trimesh.Trimesh, count: int, inner: float, tilt: float, first: float = 0.0) -> trimesh.Trimesh:
    """The petal repeated around the x axis, starting `inner` away from it and leaning forward by `tilt` degrees."""
    root = solids.moved(solids.turned(blade, 1, tilt), (0.0, 0.0, inner))
    return solids.joined(*[solids.turned(root, 0, first + 360.0 * k / count) for k in range(count)])


def seeds(radius: float, count: int, size: float) -> trimesh.Trimesh:
    """Grains on a dome that faces +x, in the spirals of a sunflower."""
    grains = []
    for k in range(count):
        out, turn = radius * np.sqrt((k + 0.5) / count), 2.39996 * k
        at = (0.3 * radius * np.sqrt(max(1.0 - (out / radius) ** 2, 0.0)), out * np.cos(turn), out * np.sin(turn))
        grains.append(solids.pebble((float(at[0]), float(at[1]), float(at[2])), (size, size, size), 1))
    return solids.joined(*grains)


def daisy(draw: Draw, paint: Material, heart: Material) -> list[Part]:
    """A flower head with many slim petals, or five to eight round ones, about a domed heart; radius about 1."""
    slim = draw.choice("petals", ["slim", "slim", "round"]) == "slim"
    core = draw.uniform("heart", 0.28, 0.4)
    count = int(draw.uniform("petal count", 9, 15) if slim else draw.uniform("petal count", 5, 8))
    width = (0.86 if slim else 0.98) * np.pi * 0.68 / count
    blade = petal(
        1.0 - 0.7 * core,
        float(width),
        1.0 if not slim else draw.uniform("tip", 0.4, 1.0),
        draw.uniform("cup", 0.0, 0.35),
    )
    petals = rosette(blade, count, 0.6 * core, 6.0)
    dome = solids.pebble((0.04, 0.0, 0.0), (0.62 * core, core, core))
    return [
        Part("petal", petals, paint),
        Part(
            "heart", solids.joined(dome, solids.moved(seeds(0.95 * core, 40, 0.13 * core), (0.3 * core, 0, 0))), heart
        ),
    ]


def sunflower(draw: Draw, paint: Material, heart: Material) -> list[Part]:
    """A flower head with two rings of pointed petals around a wide disc of seeds; radius about 1."""
    core, count = draw.uniform("heart", 0.48, 0.6), int(draw.uniform("petal count", 11, 15))
    front = petal(1.06 - core, 0.9 * np.pi * 0.78 / count, 0.1, 0.15)
    back = petal(1.14 - core, 0.9 * np.pi * 0.78 / count, 0.1, 0.05)
    second = Material(paint.color.shade(0.82), 0.6)
    rim = [(0.0, 0.14), (0.72 * core, 0.17), (0.92 * core, 0.26), (core, 0.22), (1.02 * core, 0.0), (0.0, -0.06)]
    disc = solids.crisp(solids.turned(solids.lathe(rim), 1, 90.0), 50.0)
    return [
        Part("petal", rosette(front, count, 0.9 * core, 8.0), paint),
        Part("petal", solids.moved(rosette(back, count, 0.88 * core, 2.0, 180.0 / count), (-0.05, 0, 0)), second),
        Part("heart", disc, heart),
        Part(
            "heart", solids.moved(seeds(0.74 * core, 60, 0.06), (0.05, 0.0, 0.0)), Material(heart.color.shade(0.6), 0.8)
        ),
    ]


def tulip(draw: Draw, paint: Material) -> list[Part]:
    """The upright cup of a tulip from z = 0 up: three petals before three others, their tips bent out a little."""
    tall, wide = draw.uniform("cup height", 1.35, 1.65), draw.uniform("cup width", 0.52, 0.68)
    open_ = draw.uniform("opening", 0.1, 0.45)
    heights = np.linspace(0.0, 1.0, 16)
    bowl = wide * np.interp(heights, [0.0, 0.12, 0.38, 0.7, 1.0], [0.1, 0.66, 1.0, 0.9, 0.72 + open_])
    parts = []
    for first, grow, shade in ((0.0, 1.0, 1.0), (60.0, 0.9, 0.86)):
        span = np.radians(68.0) * np.clip(np.sin(np.pi * np.clip(heights * 0.9 + 0.1, 0, 1)) ** 0.75, 0.02, 1.0)
        across = np.linspace(-1.0, 1.0, 13)
        angle = span[:, None] * across[None]  # (height, across)
        out = (grow * bowl)[:, None] * (1 + 0.05 * np.abs(across) ** 2)
        grid = np.stack(
            [out * np.cos(angle), out * np.sin(angle), np.broadcast_to((tall * heights)[:, None], angle.shape)], -1
        )
        sheet = solids.sheet(grid, -0.05)
        parts.append(
            Part(
                "petal",
                solids.joined(*[solids.turned(sheet, 2, first + 120.0 * k) for k in range(3)]),
                Material(paint.color.shade(shade), 0.5),
            )
        )
    return parts


def stem_and_leaves(draw: Draw, line: Array, broad: bool, green: Material) -> list[Part]:
    """A flower's stem along `line` (n, 3) with one to three leaves, on the stem or, if `broad`, from its foot."""
    parts = [Part("stem", solids.pipe(line, 0.075), green)]
    count = (
        int(draw.choice("leaves", [1.0, 2.0, 2.0, 3.0])) if not broad else int(draw.choice("leaves", [2.0, 2.0, 3.0]))
    )
    side = draw.choice("leaf side", [1.0, -1.0])
    reach = draw.uniform("leaf length", 0.85, 1.15)
    for k in range(count):
        s = side if k % 2 == 0 else -side
        x, y, z = line[int(len(line) * (0.04 if broad else 0.25 + 0.17 * k))].tolist()
        if broad:
            knots = [
                (x, y, z),
                (x + 0.08, y + s * 0.3, z + 0.75 * reach),
                (x + 0.2, y + s * (0.62 + 0.1 * k), z + (1.35 - 0.2 * k) * reach),
            ]
            blade = leaf(solids.curve(knots, 16), 0.2, 0.3, (0.0, 1.0, 0.0))
        else:
            knots = [(x, y, z), (x + 0.1, y + s * 0.45 * reach, z + 0.28), (x + 0.22, y + s * reach, z + 0.2)]
            blade = leaf(solids.curve(knots, 16), 0.26, 0.2, (0.3, 0.0, -1.0))
        parts.append(Part("leaf", blade, green))
    return parts


PETALS = {
    "daisy": ["white", "white", "pink", "yellow", "orange", "red", "purple", "blue"],
    "sunflower": ["yellow", "yellow", "orange"],
    "tulip": ["red", "yellow", "pink", "orange", "purple", "white"],
}


@object_class(
    "flower", family="place", azimuths=((-34.0, 34.0),), elevations=(4.0, 24.0), synonyms=("blossom", "bloom")
)
def flower(draw: Draw) -> list[Part]:
    """A daisy, a sunflower or a tulip on a bent stem with leaves, in a pot or in a patch of grass."""
    kind = draw.choice("kind", ["daisy", "daisy", "sunflower", "tulip"])
    paint = Material(draw.color("petal", PETALS[kind]), 0.55)
    green = Material(draw.color("leaf", ["green"], 0.04), 0.6)
    tall, lean = draw.uniform("height", 1.5, 2.3), draw.uniform("lean", -0.35, 0.35)
    line = solids.curve([(0.0, 0.0, -0.05), (-0.04, -0.45 * lean, 0.55 * tall), (0.05, lean, tall)], 30)
    parts = stem_and_leaves(draw, line, kind == "tulip", green)
    top = (float(line[-1, 0]), float(line[-1, 1]), float(line[-1, 2]))
    tilt = float(np.degrees(np.arctan2(lean, tall)))
    if kind == "tulip":
        head = reshaped(tulip(draw, paint), lambda mesh: solids.turned(mesh, 2, 8.0))
        turn = (0.0, -tilt)
    else:
        tint = (
            ["brown"]
            if kind == "sunflower"
            else ["yellow", "orange"]
            if paint.color.name not in ("yellow", "orange")
            else ["brown"]
        )
        heart = Material(draw.color("heart", tint, 0.03), 0.8)
        head = (sunflower if kind == "sunflower" else daisy)(draw, paint, heart)
        calyx = solids.lathe([(0.0, -0.32), (0.09, -0.3), (0.3, -0.06), (0.0, -0.02)], 24)
        head.append(Part("stem", solids.turned(calyx, 1, 90.0), green))
        turn = (-draw.uniform("nod", 0.0, 24.0), -tilt)
        top = (top[0] + 0.18, top[1], top[2])
    size = draw.uniform("head size", 0.85, 1.1)
    head = reshaped(head, lambda mesh: solids.scaled(mesh, (size, size, size)))
    head = reshaped(head, lambda mesh: solids.turned(solids.turned(mesh, 1, turn[0]), 0, turn[1]))
    parts += reshaped(head, lambda mesh: solids.moved(mesh, top))
    return planted(draw, parts)


def planted(draw: Draw, parts: list[Part]) -> list[Part]:
    """The plant in a pot, in a tuft of grass, or in a mound of earth."""
    ground = draw.choice("ground", ["pot", "grass", "earth"])
    if ground == "pot":
        vessel, level = pot(draw, draw.uniform("pot size", 0.42, 0.56))
        return [*vessel, *reshaped(parts, lambda mesh: solids.moved(mesh, (0.0, 0.0, level)))]
    mound = solids.pebble((0.0, 0.0, 0.0), (0.5, 0.5, 0.12))
    if ground == "earth":
        return [*parts, Part("soil", mound, EARTH)]
    blades = []
    for k in range(14):
        turn, reach = 2.4 * k, 0.22 + 0.05 * (k % 4)
        foot = (0.14 * np.cos(turn), 0.14 * np.sin(turn), 0.0)
        tip = (foot[0] + reach * np.cos(turn), foot[1] + reach * np.sin(turn), 0.36 + 0.06 * (k % 3))
        middle = (foot[0] + 0.3 * reach * np.cos(turn), foot[1] + 0.3 * reach * np.sin(turn), 0.24)
        blades.append(solids.pipe(solids.curve([foot, middle, tip], 8), np.linspace(0.06, 0.02, 8), sections=6))
    return [*parts, Part("grass", solids.joined(*blades), Material(GREEN.shade(0.85), 0.8))]


# ----- Cacti


def ribbed(line: Array, radii: Array, ribs: int, depth: float) -> trimesh.Trimesh:
    """A column along `line` with so many round ribs, its grooves `depth` of the radius deep."""
    turn = np.linspace(0.0, 2 * np.pi, 8 * ribs, endpoint=False)
    wave = 1.0 - depth * (1.0 - np.abs(np.cos(0.5 * ribs * turn)) ** 0.8)
    section = wave[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return solids.crisp(solids.swept(line, radii, section), 55.0)


def rounded(line: Array, radius: float, foot: float = 1.0) -> Array:
    """Radii along `line` for a column with a domed end that is `foot` times as thick at its foot."""
    gone = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    left = np.clip((gone[-1] - gone) / radius, 0.0, 1.0)
    dome = np.sqrt(np.maximum(1.0 - (1.0 - left) ** 2, 0.0004))
    return np.asarray(radius * dome * np.interp(gone / gone[-1], [0.0, 0.3, 1.0], [foot, 1.0, 1.0]))


def close_to_end(points: list[Point], steps: int) -> Array:
    """The smooth curve through the points, with more and more of its `steps` towards the end, for a domed tip."""
    dense = solids.curve(points, 160)
    share = np.sin(0.5 * np.pi * np.linspace(0.0, 0.995, steps)) * 159
    return np.column_stack([np.interp(share, np.arange(160), column) for column in dense.T])


def spikes(ends: Array, radius: float) -> trimesh.Trimesh:
    """Cones whose middle of the base and tip are the pairs `ends` (N, 2, 3)."""
    root, ahead = ends[:, 0], ends[:, 1] - ends[:, 0]
    side = np.cross(ahead, (0.31, 0.23, 0.92))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(ahead, side) / np.linalg.norm(ahead, axis=1, keepdims=True)
    turn = np.linspace(0.0, 2 * np.pi, 6, endpoint=False)[:, None, None]
    rim = root + radius * (np.cos(turn) * side + np.sin(turn) * other)  # (6, N, 3)
    corners = np.concatenate([rim, ends[None, :, 1]]).transpose(1, 0, 2)  # (N, 7, 3)
    fan = np.array([(k, (k + 1) % 6, 6) for k in range(6)])
    faces = 7 * np.arange(len(ends))[:, None, None] + fan
    return trimesh.Trimesh(corners.reshape(-1, 3), faces.reshape(-1, 3), process=False)


def thorns(line: Array, radii: Array, ribs: int, rows: int, size: float) -> trimesh.Trimesh:
    """Short pale thorns that stand out along the ribs of an upright column, those of every second row set between."""
    ends = []
    for row, k in enumerate(np.linspace(2, len(line) - 6, rows).astype(int)):
        ahead = line[k + 1] - line[k - 1]
        ahead /= np.linalg.norm(ahead)
        side = np.array((0.0, 1.0, 0.0)) - ahead[1] * ahead
        side = side / np.linalg.norm(side) if np.linalg.norm(side) > 0.2 else np.array((1.0, 0.0, 0.0))
        other = np.cross(ahead, side)
        for rib in range(row % 2, ribs, 2):
            t = 2 * np.pi * rib / ribs
            out = np.cos(t) * side + np.sin(t) * other
            root, tip = line[k] + 0.9 * radii[k] * out, line[k] + (radii[k] + size) * out
            ends.append((root, tip))
    return spikes(np.array(ends), 0.3 * size)


def blossom(at: Point, size: float, tilt: float, paint: Material) -> list[Part]:
    """A small open flower on a cactus, leaning to +y by `tilt` degrees."""
    head = rosette(petal(size, 0.42 * size, 0.5, 0.6), 7, 0.1 * size, 42.0)
    heart = solids.pebble((0.18 * size, 0.0, 0.0), (0.22 * size, 0.22 * size, 0.22 * size), 2)
    parts = [Part("blossom", head, paint), Part("blossom", heart, Material(Color("yellow", (0.95, 0.78, 0.2)), 0.7))]
    return reshaped(parts, lambda mesh: solids.moved(solids.turned(solids.turned(mesh, 1, -80.0), 0, -tilt), at))


def saguaro(draw: Draw, skin: Material) -> tuple[list[Part], list[tuple[Point, float]]]:
    """A column with one or two bent arms, and the tips on which it may blossom, with their lean."""
    tall, girth = draw.uniform("height", 1.9, 2.6), draw.uniform("girth", 0.3, 0.4)
    ribs = draw.choice("ribs", [9, 11, 13])
    stems = [(close_to_end([(0, 0, 0), (0, 0, 0.5 * tall), (0, 0, tall)], 44), girth)]
    side = draw.choice("arm side", [1.0, -1.0])
    for k in range(int(draw.choice("arms", [1.0, 2.0, 2.0]))):
        s, low = (-side if k else side), draw.uniform(f"arm {k} height", 0.28, 0.52) * tall
        out, up = girth + draw.uniform(f"arm {k} reach", 0.46, 0.66), draw.uniform(f"arm {k} length", 0.5, 0.95)
        elbow, wrist = (0.0, s * 0.72 * out, low + 0.02), (0.0, s * out, low + 0.34)
        knots = [(0.0, 0.0, low), elbow, wrist, (0.0, s * out, low + 0.34 + up)]
        stems.append((close_to_end(knots, 44), 0.62 * girth))
    parts, tips = [], []
    for k, (line, radius) in enumerate(stems):
        radii = rounded(line, radius, 0.86 if k == 0 else 0.9)
        parts.append(Part("stem" if k == 0 else "arm", ribbed(line, radii, ribs if k == 0 else ribs - 2, 0.26), skin))
        parts.append(Part("spine", thorns(line, radii, ribs if k == 0 else ribs - 2, 8 if k == 0 else 6, 0.11), SPINE))
        tips.append(((float(line[-1, 0]), float(line[-1, 1]), float(line[-1, 2]) - 0.04), 0.0))
    return parts, tips


def barrel(draw: Draw, skin: Material) -> tuple[list[Part], list[tuple[Point, float]]]:
    """A round ribbed cactus, perhaps with a young one at its side."""
    tall, girth = draw.uniform("height", 1.15, 1.65), draw.uniform("girth", 0.62, 0.76)
    ribs = draw.choice("ribs", [11, 13, 15])
    heights = 0.5 - 0.5 * np.cos(np.pi * np.linspace(0.03, 1.0, 40))
    line = np.column_stack([0 * heights, 0 * heights, tall * heights])
    radii = girth * np.sqrt(np.maximum(1.0 - (2 * heights - 0.96) ** 2 / 1.09, 0.0008)) ** 0.9
    ball = [
        Part("stem", ribbed(line, radii, ribs, 0.2), skin),
        Part("spine", thorns(line, radii, ribs, 8, 0.15), SPINE),
    ]
    parts = list(ball)
    if draw.choice("young", ["alone", "young"]) == "young":
        size, side = draw.uniform("young size", 0.36, 0.5), draw.choice("young side", [1.0, -1.0])
        parts += reshaped(
            ball, lambda mesh: solids.moved(solids.scaled(mesh, (size, size, size)), (0.2, side * 0.95 * girth, 0.0))
        )
    return parts, [((0.0, 0.0, tall - 0.06), 0.0)]


def prickly_pear(draw: Draw, skin: Material) -> tuple[list[Part], list[tuple[Point, float]]]:
    """Flat oval pads that grow out of each other, with spots of thorns."""
    size, spread = draw.uniform("pad", 0.44, 0.54), draw.uniform("spread", 32.0, 52.0)
    side = draw.choice("pad side", [1.0, -1.0])
    pads = [(np.array([0.0, 0.0, 0.95 * size]), 0.0, 1.15)]
    for angle, grow, on in (
        (spread, 0.85, 0),
        (-spread, 0.95, 0),
        (0.25 * spread, 0.72, 2),
        (-1.5 * spread, 0.62, 2),
        (0.3 * spread, 0.62, 1),
    ):
        center, lean, parent = pads[on]
        a = np.radians(lean + 0.9 * angle)
        root = center + 1.0 * size * parent * np.array([0.0, np.sin(a) * 0.85, np.cos(a)])
        turn = np.radians(lean + angle)
        pads.append((root + 0.86 * size * grow * np.array([0.04, np.sin(turn), np.cos(turn)]), lean + angle, grow))
    parts, tips = [], []
    for center, lean, grow in pads[: int(draw.choice("pads", [4.0, 5.0, 6.0, 6.0]))]:
        pad = solids.pebble((0, 0, 0), (0.27 * size * grow, 0.8 * size * grow, size * grow))
        reach = size * grow * np.array([0.17, 0.8, 1.0])
        roots = np.array([(1.0, u, w) for w in (-0.55, -0.05, 0.45) for u in (-0.42, 0.0, 0.42)]) * reach
        dots = spikes(np.stack([roots, roots * (1.0, 1.15, 1.1) + (0.16, 0.0, 0.0)], axis=1), 0.045)
        place = (float(center[0]), side * float(center[1]), float(center[2]))
        for name, mesh, material in (("pad", pad, skin), ("spine", dots, SPINE)):
            parts.append(Part(name, solids.moved(solids.turned(mesh, 0, -side * lean), place), material))
        tip = center + size * grow * np.array([0.0, np.sin(np.radians(lean)), np.cos(np.radians(lean))])
        tips.append(((float(tip[0]), side * float(tip[1]), float(tip[2]) - 0.03), side * lean))
    return parts, tips[::-1]


@object_class("cactus", family="place", azimuths=((-36.0, 36.0),), elevations=(2.0, 20.0))
def cactus(draw: Draw) -> list[Part]:
    """A cactus with arms, a round one or a prickly pear, with thorns, perhaps blossoms, in a pot or on sand."""
    skin = Material(draw.color("skin", ["green"], 0.06), 0.6)
    kind = draw.choice("kind", ["saguaro", "saguaro", "saguaro", "barrel", "prickly pear"])
    parts, tips = {"saguaro": saguaro, "barrel": barrel, "prickly pear": prickly_pear}[kind](draw, skin)
    if draw.choice("blossoms", ["none", "one", "all"]) != "none":
        bloom = Material(draw.color("blossom", ["pink", "red", "yellow", "orange", "white"]), 0.5)
        several = draw.values["blossoms"] == "all"
        for at, tilt in tips if several else tips[:1]:
            parts += blossom(at, 0.3 if kind == "barrel" else 0.26, tilt, bloom)
    if draw.choice("ground", ["pot", "pot" if kind == "barrel" else "sand"]) == "pot":
        vessel, level = pot(draw, {"saguaro": 0.5, "barrel": 0.68, "prickly pear": 0.5}[kind])
        return [*vessel, *reshaped(parts, lambda mesh: solids.moved(mesh, (0.0, 0.0, level - 0.04)))]
    sand = Material(Color("yellow", (0.86, 0.72, 0.46)), 0.95)
    mound = solids.pebble((0.0, 0.0, 0.0), (0.85, 0.95, 0.14))
    stones = [
        solids.pebble((0.4, y, 0.1), (r, 1.2 * r, 0.8 * r), 2) for y, r in ((-0.55, 0.12), (0.5, 0.09), (0.62, 0.14))
    ]
    return [
        *parts,
        Part("sand", mound, sand),
        Part("stone", solids.joined(*stones), Material(Color("gray", (0.5, 0.49, 0.47)), 0.9)),
    ]
