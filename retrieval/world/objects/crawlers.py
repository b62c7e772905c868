"""Small animals of the world with six, eight or ten legs: each has a hard or furry body and limbs that bend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
import shapely.geometry as plane
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.anatomy import INK, IVORY, SIDE, coat, eyes, gesture, horn, patched, pose, posed
from retrieval.world.sdf import Array, Point
from retrieval.world.solids import Flat

BLACK = Color("black", (0.06, 0.055, 0.06))
GAUZE = Material(Color("white", (0.84, 0.91, 0.96)), roughness=0.2)


def bent(points: Sequence[Point], radii: Sequence[float]) -> trimesh.Trimesh:
    """A limb of straight, tapering pieces through `points`, with a radius at each: its joints stay angular."""
    pieces = [
        solids.pipe(np.linspace(a, b, 6), np.linspace(ra, rb, 6), sections=12)
        for a, b, ra, rb in zip(points, points[1:], radii, radii[1:], strict=False)
    ]
    return solids.joined(*pieces)


def facing(at: Point, ahead: Point, normal: Point) -> Array:
    """The motion (4x4) that carries the origin to `at`, the x axis along `ahead` and the z axis towards `normal`."""
    x = np.array(ahead) / np.linalg.norm(ahead)
    z = np.array(normal) - (np.array(normal) @ x) * x
    z /= np.linalg.norm(z)
    frame = np.eye(4)
    frame[:3] = np.column_stack([x, np.cross(z, x), z, at])
    return frame


@object_class("crab", family="animal", azimuths=((-24.0, 24.0),), elevations=(28.0, 50.0))
def crab(draw: Draw) -> list[Part]:
    """A crab with a wide shell, eyes on stalks, eight walking legs, and claws that threaten, reach out or wave."""
    color = draw.color("shell", ["red", "red", "orange", "orange", "brown", "blue", "purple"], 0.03)
    wide, deep = draw.uniform("width", 0.76, 1.0), draw.uniform("depth", 0.54, 0.7)
    form, pattern = draw.choice("shell shape", ["round", "heart", "spiny"]), draw.choice("pattern", ["plain", "spots"])
    parts = crab_shell(wide, deep, form, pattern, color)
    parts.append(Part("leg", crab_legs(wide, draw.uniform("leg length", 0.9, 1.25), draw), horn(color.shade(0.86))))
    held = draw.choice("claws", ["raised", "raised", "forward", "waving"])
    big, gape = draw.uniform("claw size", 1.1, 1.4), draw.uniform("gape", 26.0, 52.0)
    uneven = draw.choice("larger claw", [1.0, 1.0, 1.35, 0.75])  # as in fiddler crabs
    parts += crab_claw(1.0, wide, deep, held != "forward", big * uneven**0.5, gape, color)
    parts += crab_claw(-1.0, wide, deep, held == "raised", big / uneven**0.5, gape, color)
    return parts + crab_face(deep, draw.uniform("eye stalk", 0.26, 0.5), draw.uniform("gaze", -0.5, 0.5), color)


def crab_shell(wide: float, deep: float, form: str, pattern: str, color: Color) -> list[Part]:
    """The shell of a crab over its pale belly; round, narrowed behind, or with teeth along its front rim."""
    trunk = sdf.ellipsoid((0.0, 0.0, 0.52), (deep, wide, 0.36))
    if form == "spiny":
        rim = [(np.cos(t) * deep, np.sin(t) * wide) for t in np.radians([28.0, 46.0, 64.0, 84.0])]
        teeth = [sdf.limb((0.7 * x, 0.8 * y, 0.54), (1.13 * x, 1.13 * y, 0.56), 0.13, 0.02) for x, y in rim]
        trunk = sdf.blend(0.05, trunk, sdf.mirrored(sdf.union(*teeth)))
    skin = sdf.surface(trunk, 52)
    if form == "heart":
        x, y, z = skin.vertices.T
        skin.vertices = np.stack([x, y * (1.0 + 0.36 * x / deep), z], axis=1)
    belly, shell = sdf.split(skin, sdf.block((0.0, 0.0, 0.0), (3.0, 3.0, 0.47), 0.0))
    parts = [Part("shell", shell, horn(color)), Part("belly", belly, horn(pale(color)))]
    if pattern == "plain":
        return parts
    places = [(-0.1 * deep, 0.0, 0.15), (-0.36 * deep, 0.36 * wide, 0.12), (0.06 * deep, 0.58 * wide, 0.12)]
    spots = sdf.mirrored(sdf.union(*[sdf.block((x, y, 0.8), (r, r, 0.4), 0.99 * r) for x, y, r in places]))
    return [*patched(parts[0], spots, pale(color)), parts[1]]


def pale(color: Color) -> Color:
    """The colour of the belly and the spots of a crab of this colour: halfway to cream."""
    r, g, b = (0.45 * a + 0.55 * c for a, c in zip(color.rgb, (0.98, 0.88, 0.72), strict=True))
    return Color("white", (r, g, b))


def crab_legs(wide: float, length: float, draw: Draw) -> trimesh.Trimesh:
    """Four pairs of legs that rise to a knee and come down on a point, in the middle of a step sideways."""
    stride, legs = draw.uniform("stride", 0.0, 0.14), []
    for side in (1.0, -1.0):
        for i, heading in enumerate((34.0, 8.0, -18.0, -44.0)):
            reach = length * (1.0 + side * stride * (-1.0) ** i) * (0.84 if i == 3 else 1.0)
            out = np.array([np.sin(np.radians(heading)), side * np.cos(np.radians(heading))])
            root = np.array([0.26 - 0.2 * i, side * 0.72 * wide])
            knee, foot = root + 0.62 * reach * out, root + 1.06 * reach * out
            spots = [(*root, 0.42), (*knee, 0.68), (*foot, 0.03)]
            legs.append(bent([(float(x), float(y), float(z)) for x, y, z in spots], [0.12, 0.1, 0.03]))
    return solids.joined(*legs)


def crab_claw(
    side: float, wide: float, deep: float, raised: bool, size: float, gape: float, color: Color
) -> list[Part]:
    """The arm and the claw on one side, held up with open fingers, or forward along the ground."""
    shoulder = (0.6 * deep, 0.68 * wide, 0.46)
    elbow: Point = (0.5 * deep, wide + 0.36, 0.74) if raised else (deep + 0.1, wide + 0.22, 0.56)
    wrist: Point = (0.35 * deep, wide + 0.4, 1.16) if raised else (deep + 0.36, wide + 0.06, 0.36)
    aim = ((0.0, -0.3, 1.0), (1.0, 0.0, 0.4)) if raised else ((0.95, -0.16, 0.0), (0.5, 0.0, -1.0))
    palm = sdf.blend(
        0.1,
        sdf.ellipsoid((0.16, 0.0, 0.0), (0.34, 0.28, 0.2)),
        sdf.path([(0.2, -0.1, 0.0), (0.55, -0.2, 0.0), (0.84, -0.05, 0.0)], [0.18, 0.13, 0.03]),
    )
    thumb = sdf.path([(0.26, 0.12, 0.0), (0.56, 0.26, 0.0), (0.86, 0.08, 0.0)], [0.14, 0.12, 0.03])
    opened = solids.turned(sdf.surface(thumb, 26), 2, gape, (0.26, 0.12, 0.0))
    parts = posed(
        [
            Part("claw", solids.scaled(sdf.surface(palm, 36), (size, size, size)), horn(color)),
            Part("claw", solids.scaled(opened, (size, size, size)), horn(color.shade(0.9))),
        ],
        facing(wrist, *aim),
    )
    parts.append(Part("arm", bent([shoulder, elbow, wrist], [0.15, 0.14, 0.13]), horn(color.shade(0.86))))
    return [Part(p.name, solids.scaled(p.mesh, (1.0, side, 1.0)), p.material) for p in parts]


def crab_face(deep: float, stalk: float, gaze: float, color: Color) -> list[Part]:
    """Eyes on stalks as long as `stalk` on the front rim of the shell, and the mouth below them."""
    foot, top = (0.72 * deep, 0.17, 0.68), (0.84 * deep, 0.21, 0.76 + stalk)
    smile = [(deep + 0.02 - 0.3 * y * y, y, 0.47 + 0.9 * y * y) for y in np.linspace(-0.24, 0.24, 9)]
    return [
        Part("stalk", solids.mirrored(solids.pipe([foot, top], 0.065)), horn(color)),
        *eyes((top[0] + 0.02, top[1], top[2] + 0.08), 0.145, (1.0, gaze, 0.35), IVORY.color),
        Part("mouth", solids.pipe(smile, 0.03), INK),
    ]


SPIDERS = {  # (leg length, leg radius, abdomen length, abdomen width)
    "garden": (1.1, 0.06, 0.62, 0.56),
    "tarantula": (0.95, 0.105, 0.6, 0.46),
    "house": (1.3, 0.052, 0.5, 0.36),
}


@object_class("spider", family="animal", azimuths=((-65.0, 65.0),), elevations=(46.0, 72.0))
def spider(draw: Draw) -> list[Part]:
    """A spider on eight bent legs: a round garden spider, a fat hairy tarantula or a long-legged house spider."""
    kind = draw.choice("kind", ["garden", "garden", "tarantula", "house"])
    color = draw.color("body", ["black", "black", "brown", "brown", "gray", "red", "orange"], 0.02)
    length, thick, long, broad = SPIDERS[kind]
    plump = draw.uniform("plumpness", 0.9, 1.15)
    abdomen = sdf.ellipsoid((-0.22 - long * plump, 0.0, 0.46), (long * plump, broad * plump, 0.9 * broad * plump))
    chest = sdf.ellipsoid((0.16, 0.0, 0.4), (0.38, 0.32, 0.24))
    parts = [Part("head", sdf.surface(chest, 34), coat(color.shade(0.8)))]
    parts += spider_marks(Part("body", sdf.surface(abdomen, 44), coat(color)), long * plump, broad * plump, draw)
    legs = spider_legs(length * draw.uniform("leg length", 0.88, 1.15), thick, draw)
    parts += spider_leg_parts(legs, thick, color, draw.choice("legs", ["plain", "banded"]))
    return parts + spider_face(color)


def spider_marks(body: Part, long: float, broad: float, draw: Draw) -> list[Part]:
    """The abdomen of a spider, plain or with a cross, bands or spots in a colour that stands out."""
    mark = draw.choice("mark", ["plain", "cross", "bands", "spots"])
    if mark == "plain":
        return [body]
    second = "yellow" if body.material.color.name in ("red", "orange") else "red"
    color = draw.color("mark", ["white", second])
    x = -0.22 - long
    bars = {
        "cross": [((x, 0.0), (0.7 * long, 0.09)), ((x + 0.18 * long, 0.0), (0.09, 0.55 * broad))],
        "bands": [((x + (0.5 - 0.5 * i) * long, 0.0), (0.08, 0.62 * broad)) for i in range(3)],
        "spots": [((x + (0.45 - 0.45 * i) * long, s * 0.34 * broad), (0.11, 0.11)) for i in range(3) for s in (1, -1)],
    }
    blocks = [sdf.block((px, py, 0.9), (hx, hy, 0.6), 0.95 * min(hx, hy)) for (px, py), (hx, hy) in bars[mark]]
    return patched(body, sdf.union(*blocks), color)


def spider_legs(length: float, thick: float, draw: Draw) -> list[list[Point]]:
    """The joints of eight legs: each rises steeply to a knee, falls to an ankle and ends on the ground."""
    creep, lines = draw.uniform("creep", 0.0, 9.0), []
    for side in (1.0, -1.0):
        for i, (heading, share) in enumerate([(56.0, 1.1), (22.0, 0.95), (-14.0, 0.92), (-50.0, 1.12)]):
            turn = np.radians(heading + creep * side * (-1.0) ** i)
            x, y = np.sin(turn), side * np.cos(turn)
            root = 0.3 - 0.13 * i, side * 0.22
            steps = [(0.0, 0.38), (0.62, 0.92), (1.25, 0.34), (1.5, 0.6 * thick)]
            reach = length * share
            lines.append([(float(root[0] + out * reach * x), float(root[1] + out * reach * y), z) for out, z in steps])
    return lines


def spider_leg_parts(lines: Sequence[Sequence[Point]], thick: float, color: Color, dress: str) -> list[Part]:
    """Eight legs through their joints; banded ones have paler knees and feet."""
    radii = [1.15 * thick, thick, 0.85 * thick, 0.6 * thick]
    legs = Part("leg", solids.joined(*[bent(line, radii) for line in lines]), coat(color.shade(0.9)))
    if dress == "plain":
        return [legs]
    knees = [sdf.sphere(line[1], 0.2) for line in lines] + [sdf.sphere(line[3], 0.24) for line in lines]
    tint = color.shade(2.6 if color.name == "black" else 1.5)
    return patched(legs, sdf.union(*knees), tint)


def spider_face(color: Color) -> list[Part]:
    """Two large and two small eyes, feelers and fangs in front of a spider's head."""
    feelers = bent([(0.42, 0.17, 0.38), (0.66, 0.24, 0.46), (0.8, 0.17, 0.2)], [0.07, 0.065, 0.05])
    fangs = bent([(0.5, 0.08, 0.34), (0.6, 0.08, 0.2)], [0.08, 0.03])
    return [
        Part("feeler", solids.mirrored(feelers), coat(color.shade(0.9))),
        Part("fang", solids.mirrored(fangs), horn(color.shade(0.6))),
        *eyes((0.46, 0.1, 0.52), 0.085, (0.8, 0.2, 0.6), IVORY.color),
        Part("eye", solids.mirrored(solids.ball((0.36, 0.22, 0.53), 0.05)), IVORY),
    ]


@object_class("bee", family="animal", azimuths=SIDE, elevations=(6.0, 28.0), synonyms=("bumblebee", "honeybee"))
def bee(draw: Draw) -> list[Part]:
    """A bee on its six legs, wings raised: a slim honeybee or a round, furry bumblebee with a striped abdomen."""
    kind = draw.choice("kind", ["honeybee", "bumblebee"])
    color = draw.color("fur", ["yellow", "yellow", "yellow", "orange"], 0.025)
    fat = draw.uniform("plumpness", 0.92, 1.1) * (0.5 if kind == "bumblebee" else 0.35)
    long, droop = draw.uniform("length", 0.72, 0.95), draw.uniform("droop", -6.0, 16.0)
    hang = pose((0.1, 0.0, 1.0), 0.0, -droop)
    parts = posed(bee_abdomen(long, fat, int(draw.choice("stripes", [2.0, 3.0, 3.0])), color), hang)
    chest, tint = (0.42, 0.86) if kind == "bumblebee" else (0.34, 0.66)
    furry = sdf.ellipsoid((0.3, 0.0, 0.98), (0.38, 0.95 * chest, chest))
    parts.append(Part("body", sdf.surface(furry, 36), coat(color.shade(tint))))
    parts += posed(bee_head(draw), gesture(draw, (0.82, 0.0, 0.92), turn=18.0, nod=12.0))
    parts.append(Part("leg", bee_legs(draw.uniform("stride", -0.1, 0.1)), INK))
    return parts + bee_wings(draw.uniform("wing length", 1.1, 1.45), draw.uniform("wing lift", 24.0, 70.0), draw)


def bee_abdomen(long: float, fat: float, stripes: int, color: Color) -> list[Part]:
    """A striped abdomen behind the origin that ends in a stinger."""
    drop = sdf.blend(
        0.15,
        sdf.ellipsoid((-0.72 * long, 0.0, 0.0), (0.78 * long, fat, fat)),
        sdf.limb((-0.9 * long, 0.0, 0.0), (-1.52 * long, 0.0, -0.02), 0.6 * fat, 0.05),
    )
    skin = Part("body", sdf.surface(drop, 48), coat(color))
    pitch = 1.2 * long / stripes
    bands = [sdf.block((-0.3 - pitch * (i + 0.35), 0.0, 0.0), (0.27 * pitch, 1.0, 1.0), 0.0) for i in range(stripes)]
    stinger = solids.pipe([(-1.45 * long, 0.0, -0.01), (-1.82 * long, 0.0, -0.06)], [0.07, 0.022])
    return [*patched(skin, sdf.union(*bands), BLACK), Part("stinger", stinger, INK)]


def bee_head(draw: Draw) -> list[Part]:
    """A dark round head at the origin with large eyes and bent feelers."""
    curl = draw.uniform("feelers", 0.1, 0.35)
    feeler = solids.curve([(0.12, 0.1, 0.2), (0.22, 0.17, 0.5), (0.42 + curl, 0.24, 0.62 - 0.3 * curl)], 14)
    skull = sdf.blend(
        0.08, sdf.ellipsoid((0.0, 0.0, 0.0), (0.27, 0.29, 0.3)), sdf.ellipsoid((0.14, 0.0, -0.14), (0.18, 0.16, 0.17))
    )
    return [
        Part("head", sdf.surface(skull, 32), coat(BLACK.shade(2.2))),
        *eyes((0.13, 0.2, 0.06), 0.125, (0.6, 0.8, 0.1), IVORY.color),
        Part("feeler", solids.mirrored(solids.pipe(feeler, np.linspace(0.035, 0.045, 14))), INK),
    ]


def bee_legs(stride: float) -> trimesh.Trimesh:
    """Three pairs of legs from the chest to the ground."""
    legs = []
    for side in (1.0, -1.0):
        for i, (root, knee, foot) in enumerate([(0.48, 0.72, 0.86), (0.3, 0.38, 0.26), (0.12, -0.12, -0.42)]):
            step = stride * side * (-1.0) ** i
            line = [(root, side * 0.2, 0.72), (knee + step, side * 0.5, 0.5), (foot + step, side * 0.42, 0.03)]
            legs.append(bent(line, [0.075, 0.06, 0.04]))
    return solids.joined(*legs)


def bee_wings(length: float, lift: float, draw: Draw) -> list[Part]:
    """Two pairs of rounded, veined wings, raised by `lift` degrees and spread to both sides."""
    spread = draw.uniform("wing spread", 14.0, 32.0)
    fore: list[Flat] = [(0.0, 0.0), (-0.3, 0.15), (-0.75, 0.24), (-1.0, 0.1), (-0.92, -0.12), (-0.5, -0.2)]
    parts = []
    for size, tilt, root in ((length, -lift, (0.34, 0.1, 1.24)), (0.68 * length, 26.0 - lift, (0.2, 0.12, 1.2))):
        outline = [(size * float(x), size * float(z)) for x, z in solids.ring_curve(fore, 40)]
        blade = solids.board(outline, 0.035, 0.012)
        vein = solids.pipe(
            solids.curve([(0.0, 0.0, 0.0), (-0.4 * size, 0.0, 0.02), (-0.72 * size, 0.0, 0.0)], 8), 0.028
        )
        for name, mesh, material in (("wing", blade, GAUZE), ("wing", vein, horn(Color("gray", (0.5, 0.55, 0.62))))):
            up = solids.turned(solids.turned(mesh, 1, -tilt), 0, -spread)
            parts.append(Part(name, solids.mirrored(solids.moved(up, root)), material))
    return parts


WINGS: dict[str, tuple[list[Flat], list[Flat]]] = {  # (fore wing, hind wing): outlines (ahead, aside) from the root
    "round": (
        [(0.06, 0.04), (0.55, 0.42), (0.86, 0.84), (0.84, 1.12), (0.55, 1.18), (0.26, 1.06), (0.0, 0.62), (-0.04, 0.1)],
        [(0.02, 0.08), (0.1, 0.6), (-0.1, 0.9), (-0.42, 0.94), (-0.72, 0.7), (-0.8, 0.4), (-0.5, 0.1), (-0.2, 0.05)],
    ),
    "pointed": (
        [(0.06, 0.04), (0.52, 0.45), (0.88, 1.02), (0.92, 1.34), (0.66, 1.22), (0.3, 1.0), (0.02, 0.6), (-0.04, 0.1)],
        [(0.02, 0.08), (0.1, 0.6), (-0.1, 0.9), (-0.4, 0.84), (-0.62, 0.7), (-0.7, 0.44), (-0.5, 0.16), (-0.2, 0.05)],
    ),
    "swallowtail": (
        [(0.06, 0.04), (0.58, 0.44), (0.88, 0.92), (0.88, 1.2), (0.55, 1.14), (0.22, 1.0), (0.0, 0.6), (-0.04, 0.1)],
        [(0.02, 0.08), (0.08, 0.66), (-0.2, 0.86), (-0.52, 0.78), (-0.8, 0.68), (-1.2, 0.72), (-1.28, 0.58),
         (-0.9, 0.46), (-0.68, 0.26), (-0.3, 0.06)],
    ),
}  # fmt: skip


@object_class("butterfly", family="animal", azimuths=((156.0, 204.0),), elevations=(58.0, 82.0))
def butterfly(draw: Draw) -> list[Part]:
    """A butterfly that basks on its legs, its four patterned wings opened to a shallow bowl."""
    color = draw.color("wing", ["orange", "orange", "yellow", "blue", "blue", "purple", "red", "pink", "white"], 0.03)
    shape, pattern = (
        draw.choice("wing shape", list(WINGS)),
        draw.choice("pattern", ["veins", "veins", "eyespots", "eyespots", "border"]),
    )
    dots = draw.color("dots", ["yellow"] if color.name == "white" else ["white", "white", "yellow"])
    dark = draw.color("border", ["black", "black", "brown"], 0.015)
    lift, sweep = draw.uniform("wing lift", 6.0, 25.0), draw.uniform("sweep", -12.0, 10.0)
    size = draw.uniform("wing size", 0.9, 1.15)
    parts = []
    for outline, turn, higher in zip(WINGS[shape], (sweep, 0.3 * sweep), (0.02, 0.0), strict=True):
        for part in wing_layers(size * solids.ring_curve(outline, 60), pattern, color, dots, dark):
            level = solids.moved(solids.turned(part.mesh, 2, -turn), (0.06, 0.03, higher))
            wing = solids.moved(solids.turned(cupped(level), 0, lift), (0.0, 0.0, 0.3))
            parts.append(Part(part.name, solids.mirrored(wing), part.material))
    return parts + butterfly_body(dark, draw)


def wing_layers(outline: Array, pattern: str, color: Color, dots: Color, dark: Color) -> list[Part]:
    """A flat wing in the xy plane: a dark blade, coloured cells on both faces, and dots near the outer rim."""
    rim = 0.045 if pattern != "border" else 0.13
    whole = plane.Polygon(outline)
    inner = whole.buffer(-rim).buffer(-0.02).buffer(0.02)
    if pattern == "veins":
        root = np.array([0.02, 0.05])
        ends = outline[np.linspace(8, 46, 5).astype(int)]
        inner = inner.difference(shapely.union_all([plane.LineString([root, end]).buffer(0.024) for end in ends]))
        inner = inner.buffer(-0.02).buffer(0.02)
    parts = [Part("wing", pulled(whole, 0.028), horn(dark)), Part("wing", pulled(inner, 0.044), coat(color))]
    if pattern != "eyespots":
        return [*parts, Part("spot", pulled(rim_dots(whole, rim), 0.06), coat(dots))]
    x, y = 0.62 * np.array(whole.centroid.coords[0]) + 0.38 * outline[24]
    rings = [(0.19, 0.06, horn(dark)), (0.13, 0.076, coat(dots)), (0.06, 0.092, horn(dark))]
    return parts + [Part("spot", pulled(plane.Point(x, y).buffer(r), deep), paint) for r, deep, paint in rings]


def pulled(shape: plane.Polygon | plane.MultiPolygon, depth: float) -> trimesh.Trimesh:
    """A flat shape of one or several polygons in small triangles, pulled symmetrically along z over `depth`."""
    pieces = [piece for piece in getattr(shape, "geoms", [shape]) if piece.area > 0.004]
    solid = solids.joined(*[trimesh.creation.extrude_polygon(piece.simplify(0.004), depth) for piece in pieces])
    return solids.moved(solid.subdivide_to_size(0.3), (0.0, 0.0, -depth / 2))


def rim_dots(whole: plane.Polygon, rim: float) -> plane.MultiPolygon:
    """Round dots along the outer rim of a wing."""
    line = whole.buffer(-0.62 * rim).exterior
    places = [line.interpolate(share, normalized=True) for share in np.linspace(0.0, 1.0, 22, endpoint=False)]
    return shapely.union_all([place.buffer(0.04) for place in places if np.hypot(place.x, place.y) > 0.62])


def cupped(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A level wing bent upwards along its way out, and a little down at the tip."""
    x, y, z = mesh.vertices.T
    bowl = mesh.copy()
    bowl.vertices = np.stack([x, y, z + 0.16 * np.sin(1.6 * y) - 0.06 * y], axis=1)
    return bowl


def butterfly_body(dark: Color, draw: Draw) -> list[Part]:
    """A slender furry body, big eyes, long clubbed feelers and six legs to the ground."""
    trunk = sdf.blend(
        0.06,
        sdf.ellipsoid((0.12, 0.0, 0.32), (0.26, 0.12, 0.13)),
        sdf.limb((-0.05, 0.0, 0.31), (-0.68, 0.0, 0.26), 0.095, 0.05),
    )
    look, curl = gesture(draw, (0.42, 0.0, 0.35), turn=16.0, nod=8.0, tilt=6.0), draw.uniform("feelers", 0.18, 0.45)
    feeler = solids.curve([(0.06, 0.05, 0.06), (0.3, 0.14, 0.26), (0.62, 0.1 + curl, 0.36)], 18)
    thick = np.where(np.arange(18) < 15, 0.028, 0.055)
    legs = [
        bent([(x, s * 0.06, 0.28), (x, s * 0.2, 0.18), (1.4 * x, s * 0.28, 0.02)], [0.03, 0.028, 0.024])
        for x in (0.22, 0.1, -0.05)
        for s in (1.0, -1.0)
    ]
    head = [
        Part("head", sdf.surface(sdf.ellipsoid((0.0, 0.0, 0.0), (0.12, 0.12, 0.11)), 20), coat(dark)),
        *eyes((0.05, 0.09, 0.04), 0.06, (0.6, 0.8, 0.2)),
        Part("feeler", solids.mirrored(solids.pipe(feeler, thick, sections=10)), horn(dark)),
    ]
    body = Part("body", sdf.surface(trunk, 40), coat(dark))
    return [body, *posed(head, look), Part("leg", solids.joined(*legs), INK)]
