"""What people wear on the head: hats and eyeglasses.

Lengths are about a hand's. Glasses stand on the ground and look along +x; hats lie on their brim.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely.geometry as plane
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.things import STEEL
from retrieval.world.solids import Array, Flat

BRASS = Material(Color("yellow", (0.86, 0.65, 0.28)), 0.25, metallic=0.7)
CLEAR = Color("white", (0.96, 0.97, 0.98))
Shape = Callable[[Array], Array]  # moves points (n, 3)

# ----- Eyeglasses

LENSES: dict[str, list[Flat]] = {  # corners of the lens at +y, around its middle; +y is away from the nose
    "square": [(0.95, 0.78), (-0.95, 0.72), (-0.86, -0.78), (0.84, -0.78)],
    "cat": [(1.3, 0.98), (-0.98, 0.6), (-0.8, -0.5), (-0.2, -0.76), (0.55, -0.76), (0.95, -0.1)],
    "pilot": [(1.0, 0.82), (-0.95, 0.76), (-0.85, 0.0), (-0.35, -0.8), (0.5, -0.9), (0.95, -0.5)],
}
ROUNDING = {"square": 0.26, "cat": 0.16, "pilot": 0.34}


def lens_outline(kind: str, width: float, height: float) -> Array:
    """The outline (n, 2) of the lens at +y around its middle, closed without repeating a point."""
    if kind in ("round", "oval"):
        turn = np.linspace(0, 2 * np.pi, 56, endpoint=False)
        return np.stack([width * np.cos(turn), (width if kind == "round" else 0.74 * width) * np.sin(turn)], axis=1)
    soft = ROUNDING[kind]
    corners = plane.Polygon([(width * y, height * z) for y, z in LENSES[kind]])
    edge = plane.polygon.orient(corners.buffer(-soft).buffer(soft, quad_segs=12)).exterior
    return np.array([edge.interpolate(share, normalized=True).coords[0] for share in np.linspace(0, 1, 72)[:-1]])


def temple(corner: Array, length: float, fold: float, radius: float, low: float) -> trimesh.Trimesh:
    """The arm from the frame's `corner` backwards, folded inwards by `fold`, its end bent down to z = `low`."""
    x, y, z = corner
    line = [
        (x, y, z),
        (x - 0.3 * length, y - 0.25 * fold, z + 0.02),
        (x - 0.72 * length, y - 0.72 * fold, z - 0.02),
        (x - 0.9 * length, y - 0.9 * fold, z - 0.3 * (z - low)),
        (x - length, y - fold, low),
    ]
    return solids.pipe(solids.curve(line, 28), np.linspace(radius, 0.9 * radius, 28))


@object_class(
    "eyeglasses", family="thing", azimuths=((-26, 26),), elevations=(8, 24), synonyms=("glasses", "spectacles")
)
def eyeglasses(draw: Draw) -> list[Part]:
    """Glasses standing open: round, oval, square, cat-eye or pilot frames, clear or tinted lenses."""
    words = ["black", "red", "blue", "brown", "purple", "green", "orange", "pink", "yellow"]
    frame = Material(draw.color("frame", words), 0.3)
    kind = draw.choice("lens", ["round", "round", "square", "square", "oval", "cat", "pilot"])
    width, height = draw.uniform("lens_width", 0.62, 0.74), draw.uniform("lens_height", 0.68, 0.9)
    gap, thick = draw.uniform("gap", 0.12, 0.24), draw.uniform("thickness", 0.062, 0.1)
    flat = np.add(lens_outline(kind, width, height), (width + gap, 0.0))  # (n, 2): y, z
    wrap = draw.uniform("wrap", 0.0, 0.12)
    loop = np.column_stack([-wrap * (flat[:, 0] / 1.6) ** 2, flat])  # (n, 3)
    rim = solids.pipe(np.vstack([loop, loop[:1]]), thick)
    low = float(loop[:, 2].min()) - thick
    clear = draw.choice("glass", ["clear", "clear", "clear", "tinted"]) == "clear"
    tint = CLEAR if clear else draw.color("tint", ["gray", "brown", "blue"]).shade(1.5)
    pane = solids.loft([np.add(loop, (x, 0, 0)) for x in (-0.02, 0.02)])
    corner = loop[int(np.argmax(loop[:, 1] + 0.35 * loop[:, 2]))]
    hinge = np.add(corner, (-0.02, 0.06, 0.0))
    arm = temple(hinge, draw.uniform("temple", 1.5, 2.0), draw.uniform("fold", 0.0, 0.35), 0.85 * thick, low + 0.07)
    coat = STEEL if draw.choice("temples", ["frame", "frame", "metal"]) == "metal" else frame
    return [
        *[Part("frame", side, frame) for side in (rim, solids.scaled(rim, (1, -1, 1)))],
        Part("frame", bridge(draw.choice("bridge", ["arch", "bar", "double"]), loop, gap, thick), frame),
        Part("frame", solids.mirrored(solids.pebble(tuple(hinge), (0.1, 0.09, 1.15 * thick), 2)), frame),
        *[Part("temple", side, coat) for side in (arm, solids.scaled(arm, (1, -1, 1)))],
        *[Part("lens", side, Material(tint, 0.05, clear=True)) for side in (pane, solids.scaled(pane, (1, -1, 1)))],
    ]


def bridge(kind: str, loop: Array, gap: float, thick: float) -> trimesh.Trimesh:
    """What joins the two rims over the nose: an arch, a bar, or an arch with a bar above."""

    def across(height: float, rise: float) -> trimesh.Trimesh:
        upper = loop[loop[:, 2] > height - 0.1]
        y = float(upper[np.argmin(np.abs(upper[:, 2] - height) + 2 * upper[:, 1]), 1])
        return solids.pipe(
            solids.curve(
                [(0, -y, height), (0.04, -0.5 * y, height + rise), (0.04, 0.5 * y, height + rise), (0, y, height)], 16
            ),
            0.95 * thick,
        )

    top = float(loop[:, 2].max())
    if kind == "bar":
        return across(0.45 * top, 0.03)
    arch = across(0.1 * top, 0.1 + 0.2 * gap)
    return arch if kind == "arch" else solids.joined(arch, across(0.72 * top, 0.02))


# ----- Hats


def shaped(mesh: trimesh.Trimesh, shape: Shape) -> trimesh.Trimesh:
    """A copy of the mesh with its points moved."""
    copy = mesh.copy()
    copy.vertices = shape(np.asarray(mesh.vertices, float))
    return copy


def brimmed(
    crown: list[Flat], reach: float, band: tuple[float, float], thick: float = 0.07
) -> dict[str, trimesh.Trimesh]:
    """A crown with the profile `crown` from its foot to the middle of its top, a flat brim, and a band round its foot.

    `band` holds the heights between which the band lies.
    """
    line = solids.curve(crown, 40)
    foot = float(line[0, 0])
    out = np.linspace(reach, foot, 24)
    edge = [
        (reach + thick / 2 * float(np.cos(t)), thick / 2 - thick / 2 * float(np.sin(t)))
        for t in np.radians([90, 45, 0, -45, -90])
    ]
    under = [(r, 0.0) for r in np.linspace(0.0, reach, 26)[:-1]]
    brim = solids.lathe([*under, *edge, *[(r, thick) for r in out[1:]], (foot - 0.03, thick)], 72)
    top = solids.lathe(
        [*[(max(float(r), 0.0), float(z) + thick) for r, z in line[:-1]], (0.0, float(line[-1, 1]) + thick)], 72
    )
    heights = np.linspace(*band, 9)
    wall = line[: int(np.argmax(line[:, 1])) + 1]
    radii = np.interp(heights, wall[:, 1], wall[:, 0])
    rows = [(float(r) + 0.03, float(z) + thick) for r, z in zip(radii, heights, strict=True)]
    ribbon = solids.lathe([(rows[0][0] - 0.06, rows[0][1]), *rows, (rows[-1][0] - 0.06, rows[-1][1])], 72)
    return {"brim": brim, "crown": top, "band": ribbon}


def rolled(rise: float, foot: float, dip: float, length: float) -> Shape:
    """Turns a brim up at both sides by `rise`, down at front and back by `dip`, and stretches the hat along x."""

    def shape(points: Array) -> Array:
        x, y, z = points.T
        out = np.clip(np.hypot(x, y) - foot, 0.0, None)
        around = np.arctan2(y, x)
        lift = out**1.6 * (rise * np.abs(np.sin(around)) ** 2.5 - dip * np.cos(around) ** 2)
        inward = 1 - 0.22 * rise * np.clip(np.abs(np.sin(around)), 0, 1) ** 3 * np.clip(out, 0, 1)
        return np.stack([length * x, y * inward, z + lift], axis=1)

    return shape


def creased_top(height: float, deep: float, pinch: float) -> Shape:
    """Presses a groove along x into a crown of that height, and pinches it towards the front."""

    def shape(points: Array) -> Array:
        x, y, z = points.T
        share = np.clip((z - 0.55 * height) / (0.45 * height), 0.0, 1.0)
        groove = deep * share * np.exp(-((y / 0.26) ** 2))
        slim = 1 - pinch * share * np.clip(0.4 + x, 0.0, 1.0)
        return np.stack([x, y * slim, z - groove], axis=1)

    return shape


def wavy(foot: float, droop: float, waves: int, height: float) -> Shape:
    """Lets a wide brim droop and run in soft waves."""

    def shape(points: Array) -> Array:
        x, y, z = points.T
        out = np.clip(np.hypot(x, y) - foot, 0.0, None)
        return np.stack([x, y, z + out * (height * np.cos(waves * np.arctan2(y, x) + 0.6) - droop * out)], axis=1)

    return shape


def dressed(pieces: dict[str, trimesh.Trimesh], paint: Material, ribbon: Material, *shapes: Shape) -> list[Part]:
    """The pieces of a hat in their colours, with all `shapes` applied."""
    parts = []
    for name, mesh in pieces.items():
        for shape in shapes:
            mesh = shaped(mesh, shape)
        parts.append(Part(name, mesh, ribbon if name == "band" else paint))
    return parts


def top_hat(draw: Draw, paint: Material, ribbon: Material) -> list[Part]:
    """A tall stiff hat with a flat top, its sides straight or hollow, its brim turned up at the sides."""
    height, flare = draw.uniform("height", 1.3, 2.0), draw.uniform("flare", -0.06, 0.2)
    waist = 0.72 - draw.uniform("waist", 0.0, 0.08)
    rim = 0.72 + flare
    wall = [(0.74, 0.0), (waist, 0.35 * height), (waist + 0.5 * flare, 0.7 * height), (rim, height - 0.05)]
    line = solids.curve(wall, 24)
    crown = [(float(r), float(z)) for r, z in line] + [(rim - 0.04, height), (0.5 * rim, height), (0.0, height)]
    pieces = brimmed_along(
        np.array(crown), 1.25 * draw.uniform("brim", 0.92, 1.1), (0.02, draw.uniform("band", 0.28, 0.5))
    )
    return dressed(pieces, paint, ribbon, rolled(draw.uniform("roll", 0.2, 0.9), 0.74, 0.0, 1.06))


def sun_hat(draw: Draw, paint: Material, ribbon: Material) -> list[Part]:
    """A low round crown in a very wide brim that droops in waves, with a ribbon and perhaps a flower."""
    height, reach = draw.uniform("height", 0.62, 0.85), draw.uniform("brim", 1.5, 1.85)
    crown = [(0.74, 0.0), (0.72, 0.4 * height), (0.58, 0.8 * height), (0.3, 0.97 * height), (0.0, height)]
    pieces = brimmed(crown, reach, (0.02, 0.26))
    parts = dressed(
        pieces, paint, ribbon, wavy(0.74, draw.uniform("droop", 0.05, 0.2), draw.choice("waves", [2, 3, 4]), 0.09)
    )
    if draw.choice("flower", ["none", "flower"]) == "flower":
        bloom = Material(draw.color("flower", ["red", "pink", "yellow", "white", "orange"]), 0.7)
        side = draw.choice("flower_side", [-50.0, 50.0])
        petals = [solids.turned(solids.pebble((0, 0.17, 0), (0.05, 0.12, 0.1), 2), 0, 60 * k) for k in range(6)]
        for name, mesh, coat in (
            ("flower", solids.joined(*petals), bloom),
            ("flower", solids.ball((0.03, 0, 0), 0.1), BRASS),
        ):
            parts.append(Part(name, solids.turned(solids.moved(mesh, (0.8, 0, 0.24)), 2, side), coat))
    return parts


def cowboy_hat(draw: Draw, paint: Material, ribbon: Material) -> list[Part]:
    """A creased, pinched crown and a wide brim that curls up high at both sides."""
    height, reach = draw.uniform("height", 1.05, 1.35), draw.uniform("brim", 1.4, 1.65)
    crown = [
        (0.74, 0.0),
        (0.7, 0.35 * height),
        (0.63, 0.72 * height),
        (0.5, 0.95 * height),
        (0.25, height),
        (0.0, height),
    ]
    pieces = brimmed(crown, reach, (0.02, 0.22))
    crease = creased_top(height, draw.uniform("crease", 0.18, 0.34), draw.uniform("pinch", 0.15, 0.35))
    curl = rolled(
        draw.uniform("curl", 0.6, 1.05), 0.74, draw.uniform("dip", 0.0, 0.1), draw.uniform("stretch", 1.1, 1.25)
    )
    return dressed(pieces, paint, ribbon, crease, curl)


def bowler_hat(draw: Draw, paint: Material, ribbon: Material) -> list[Part]:
    """A hard round crown in a narrow brim that is turned up all around."""
    height, reach = draw.uniform("height", 0.85, 1.1), draw.uniform("brim", 1.1, 1.28)
    crown = [(0.74, 0.0), (0.77, 0.35 * height), (0.68, 0.72 * height), (0.38, 0.95 * height), (0.0, height)]
    pieces = brimmed(crown, reach, (0.02, draw.uniform("band", 0.2, 0.3)))
    return dressed(pieces, paint, ribbon, rolled(draw.uniform("roll", 0.5, 1.3), 0.74, 0.0, 1.12))


def brimmed_along(crown: Array, reach: float, band: tuple[float, float]) -> dict[str, trimesh.Trimesh]:
    """Like `brimmed`, for a crown with a sharp edge around its top, whose profile (n, 2) is taken as it is."""
    pieces = brimmed([(float(r), float(z)) for r, z in crown[:-3]], reach, band)
    profile = [*crown, (0.0, float(crown[-1, 1]))]
    pieces["crown"] = solids.moved(solids.lathe([(float(r), float(z)) for r, z in profile], 72), (0, 0, 0.07))
    return pieces


def cap(draw: Draw, paint: Material, ribbon: Material) -> list[Part]:
    """A baseball cap: a dome of panels with a button, a bent peak to the front, and a badge."""
    height, wide = draw.uniform("height", 0.78, 0.98), 0.8
    dome = solids.curve(
        [
            (wide, 0.0),
            (wide * 1.0, 0.3 * height),
            (wide * 0.78, 0.72 * height),
            (wide * 0.4, 0.94 * height),
            (0, height),
        ],
        30,
    )
    crown = solids.scaled(solids.lathe([(0, 0), *[(max(float(r), 0), float(z)) for r, z in dome]], 64), (1.1, 1, 1))
    reach, bend = draw.uniform("peak", 0.85, 1.15), draw.uniform("peak_bend", 0.12, 0.34)
    across = np.linspace(-1, 1, 25)
    front = [(0.62 + reach * float(np.sqrt(max(1 - s**4, 0.0))), 0.78 * float(s)) for s in across]
    peak = solids.plate([*front, (0.3, 0.6), (0.3, -0.6)], 0.08, 0.03, 0.1)

    def bent(points: Array) -> Array:
        x, y, z = points.T
        out = np.clip(x - 0.5, 0, None)
        return np.stack([x, y, z + bend * (1 - (y / 0.78) ** 2) - 0.12 * out**2], axis=1)

    seams = [
        solids.scaled(
            solids.turned(
                solids.pipe(np.column_stack([dome[:, 0], 0 * dome[:, 0], dome[:, 1]]), 0.016, sections=8),
                2,
                60 * k + 30,
            ),
            (1.1, 1, 1),
        )
        for k in range(6)
    ]
    fine = peak.subdivide().subdivide() if len(peak.faces) < 3000 else peak
    second = paint if draw.choice("peak_colour", ["same", "other"]) == "same" else ribbon
    ring = solids.scaled(
        solids.lathe([(wide - 0.05, 0.0), (wide + 0.025, 0.0), (wide + 0.025, 0.14), (wide - 0.05, 0.14)], 64),
        (1.1, 1, 1),
    )
    return [
        Part("crown", crown, paint),
        Part("peak", shaped(fine, bent), second),
        Part("seam", solids.joined(*seams), Material(paint.color.shade(0.75), 0.8)),
        Part("button", solids.pebble((0, 0, height + 0.02), (0.1, 0.1, 0.06), 2), ribbon),
        Part("band", ring, ribbon),
    ]


HATS = {"top hat": top_hat, "sun hat": sun_hat, "cowboy hat": cowboy_hat, "bowler": bowler_hat, "cap": cap}


@object_class(
    "hat", family="thing", azimuths=((12, 48), (-48, -12)), elevations=(4, 18), synonyms=("cap", "top hat", "sun hat")
)
def hat(draw: Draw) -> list[Part]:
    """A hat on the ground: top hat, sun hat, cowboy hat, bowler or cap, each with a band of another colour."""
    kind = draw.choice("kind", list(HATS))
    words = {
        "top hat": ["black", "black", "gray", "purple", "red", "blue", "green", "white"],
        "sun hat": ["yellow", "yellow", "white", "pink", "orange", "red", "blue"],
        "cowboy hat": ["brown", "brown", "brown", "black", "white", "gray", "red"],
        "bowler": ["black", "brown", "gray", "green", "blue"],
        "cap": ["red", "blue", "green", "yellow", "orange", "purple", "black"],
    }[kind]
    paint = Material(draw.color("felt", words, 0.03), 0.8)
    contrasts = [word for word in ("red", "white", "black", "blue", "yellow") if word != paint.color.name]
    return HATS[kind](draw, paint, Material(draw.color("band", contrasts), 0.6))
