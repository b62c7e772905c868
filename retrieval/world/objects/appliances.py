"""What runs on electricity in a home: televisions. Lamps and other household objects are in `things`.

Lengths are roughly half metres. The front looks along +x; outlines lie in the yz plane.
"""

from __future__ import annotations

import numpy as np
import shapely.geometry as plane
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.things import DARK, STEEL, WOODS, disc, facing
from retrieval.world.solids import Array, Flat

BRASS = Material(Color("yellow", (0.82, 0.66, 0.3)), 0.3, metallic=0.7)
PANEL = 0.46  # width of the column of knobs beside a picture tube
GLOW = {  # the colours of pictures on a screen
    "sky": (0.45, 0.68, 0.88),
    "dusk": (0.93, 0.62, 0.38),
    "night": (0.12, 0.16, 0.34),
    "grass": (0.33, 0.58, 0.26),
    "sand": (0.86, 0.72, 0.45),
    "sea": (0.13, 0.38, 0.62),
    "sun": (0.98, 0.88, 0.45),
}
BARS = [
    (0.9, 0.9, 0.88),
    (0.9, 0.82, 0.2),
    (0.25, 0.72, 0.8),
    (0.3, 0.66, 0.28),
    (0.75, 0.3, 0.66),
    (0.8, 0.18, 0.15),
    (0.18, 0.25, 0.7),
]
NAMES = {
    "sky": "blue",
    "dusk": "orange",
    "night": "blue",
    "grass": "green",
    "sand": "yellow",
    "sea": "blue",
    "sun": "yellow",
}


class Screen:
    """A rounded picture tube or a flat panel: where its glass lies, and how a flat shape is laid upon it."""

    def __init__(self, center: Flat, size: Flat, front: float, bulge: float, corner: float) -> None:
        self.center, self.half, self.front, self.bulge = center, (size[0] / 2, size[1] / 2), front, bulge
        (y, z), (w, h) = center, self.half
        inner = plane.box(y - w + corner, z - h + corner, y + w - corner, z + h - corner)
        self.outline = inner.buffer(corner, quad_segs=8)

    def depth(self, points: Array) -> Array:
        """How far forward (x) the glass lies at points (n, 2) of (y, z)."""
        share = (points - self.center) / self.half
        return self.front + self.bulge * np.clip(1 - 0.5 * (share**2).sum(axis=1), 0, 1)

    def laid(self, shape: plane.Polygon, lift: float) -> trimesh.Trimesh:
        """The shape, cut to the glass and laid `lift` above it."""
        visible = shape.intersection(self.outline)
        pieces = [piece for piece in getattr(visible, "geoms", [visible]) if piece.area > 0]
        meshes = []
        for piece in pieces:
            points, faces = trimesh.creation.triangulate_polygon(piece.segmentize(0.08))
            flat = trimesh.Trimesh(np.column_stack([points, np.zeros(len(points))]), faces).subdivide().subdivide()
            at = np.asarray(flat.vertices)[:, :2]
            meshes.append(trimesh.Trimesh(np.column_stack([self.depth(at) + lift, at]), flat.faces, process=False))
        return solids.joined(*meshes)


def shining(color: str) -> Material:
    """A smooth, lit patch of a picture."""
    return Material(Color(NAMES[color], GLOW[color]), 0.25)


def hill(screen: Screen, level: float, swell: float, phase: float) -> plane.Polygon:
    """Everything below a wavy line at a share `level` of the screen's height."""
    (y, z), (w, h) = screen.center, screen.half
    across = np.linspace(-1.1, 1.1, 30)
    line = [(y + float(a) * w, z + h * float(2 * level - 1 + swell * np.sin(2.2 * a + phase))) for a in across]
    return plane.Polygon([(y - 1.1 * w, z - 1.2 * h), (y + 1.1 * w, z - 1.2 * h), *line[::-1]])


def landscape(draw: Draw, screen: Screen) -> list[Part]:
    """A sky with a sun over hills, dunes or the sea."""
    sky, ground = draw.choice("sky", ["sky", "dusk", "night"]), draw.choice("ground", ["grass", "sand", "sea"])
    phase, level = draw.uniform("phase", 0, 6.28), draw.uniform("horizon", 0.3, 0.45)
    (y, z), (w, h) = screen.center, screen.half
    sun = plane.Point(y + draw.uniform("sun", -0.5, 0.5) * w, z + 0.4 * h).buffer(0.28 * h)
    near = Material(shining(ground).color.shade(0.72), 0.25)
    return [
        Part("screen", screen.laid(screen.outline, 0.0), shining(sky)),
        Part("picture", screen.laid(sun, 0.006), shining("sun")),
        Part("picture", screen.laid(hill(screen, level, 0.16, phase), 0.012), shining(ground)),
        Part("picture", screen.laid(hill(screen, 0.55 * level, 0.14, phase + 2.0), 0.018), near),
    ]


def bars_card(screen: Screen) -> list[Part]:
    """The coloured bars of a test picture."""
    (y, z), (w, h) = screen.center, screen.half
    step = 2 * w / len(BARS)
    words = ["white", "yellow", "blue", "green", "purple", "red", "blue"]
    return [
        Part(
            "screen",
            screen.laid(plane.box(y + w - (k + 1) * step, z - h, y + w - k * step, z + h), 0.0),
            Material(Color(word, rgb), 0.25),
        )
        for k, (rgb, word) in enumerate(zip(BARS, words, strict=True))
    ]


def gleam(screen: Screen) -> list[Part]:
    """A dark, switched-off glass with two slanting gleams of a window."""
    (y, z), (w, h) = screen.center, screen.half
    bands = [
        plane.Polygon(
            [
                (y + (a - 0.25) * w, z - h),
                (y + (a - 0.25 + b) * w, z - h),
                (y + (a + 0.25 + b) * w, z + h),
                (y + (a + 0.25) * w, z + h),
            ]
        )
        for a, b in ((0.12, 0.24), (0.5, 0.1))
    ]
    glass = Material(Color("gray", (0.2, 0.24, 0.27)), 0.12)
    light = Material(Color("gray", (0.5, 0.57, 0.62)), 0.12)
    return [Part("screen", screen.laid(screen.outline, 0.0), glass)] + [
        Part("gleam", screen.laid(band.intersection(screen.outline.buffer(-0.05)), 0.008), light) for band in bands
    ]


def picture(draw: Draw, screen: Screen) -> list[Part]:
    """What is on: a landscape, a test card or nothing but a gleam."""
    shown = draw.choice("picture", ["landscape", "landscape", "test card", "gleam"])
    if shown == "landscape":
        return landscape(draw, screen)
    return bars_card(screen) if shown == "test card" else gleam(screen)


def antenna(kind: str, back: float, top: float, reach: float, spread: float) -> list[Part]:
    """Rabbit ears in a V, or a loop, on a foot on the set's roof."""
    foot = solids.moved(
        solids.lathe([(0, 0), (0.2, 0), (0.18, 0.08), (0.08, 0.14), (0, 0.15)], 24), (back, 0, top - 0.01)
    )
    if kind == "loop":
        ring = solids.arc((back, 0, top + 0.1 + 0.4 * reach), 0.4 * reach, -80, 260, axis=0, steps=32)
        return [Part("antenna", solids.joined(foot, solids.pipe(ring, 0.05)), STEEL)]
    ends = [
        (back, side * reach * np.sin(np.radians(spread)), top + 0.1 + reach * np.cos(np.radians(spread)))
        for side in (-1, 1)
    ]
    rods = [solids.pipe([(back, 0, top + 0.1), end], 0.042, sections=10) for end in ends]
    tips = [solids.pebble(end, (0.085, 0.085, 0.085), 2) for end in ends]
    return [Part("antenna", solids.joined(foot, *rods), STEEL), Part("antenna", solids.joined(*tips), DARK)]


def dials(y: float, low: float, high: float, front: float, metal: Material) -> list[Part]:
    """Two knobs with pointers above a loudspeaker's slots, in a column at y."""
    span = high - low
    heights = [low + share * span for share in (0.84, 0.58)]
    knobs = [
        solids.joined(disc((front + 0.05, y, z), 0.115, 0.12), disc((front + 0.1, y, z), 0.08, 0.1)) for z in heights
    ]
    marks = [solids.slab((front + 0.155, y, z + 0.03), (0.03, 0.025, 0.1), 0.01) for z in heights]
    slots = [
        solids.slab((front + 0.01, y, low + share * span), (0.05, 0.24, 0.045), 0.02) for share in (0.1, 0.2, 0.3, 0.4)
    ]
    return [
        Part("knob", solids.joined(*knobs), metal),
        Part("knob", solids.joined(*marks), DARK),
        Part("speaker", solids.joined(*slots), DARK),
    ]


def four_legs(width: float, depth: float, height: float, splay: float, material: Material) -> Part:
    """Four tapering legs that spread outwards, from the ground to z = height."""
    leg = [
        solids.pipe(
            [
                (x * (0.35 * depth + splay), y * (0.36 * width + splay), 0.03),
                (x * 0.35 * depth, y * 0.36 * width, height + 0.05),
            ],
            [0.045, 0.08],
        )
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    return Part("leg", solids.joined(*leg), material)


def bezel(screen: Screen, border: float, back: float, front: float) -> trimesh.Trimesh:
    """A raised rounded frame around the screen."""
    hole = screen.outline.buffer(-0.01)
    rim = screen.outline.buffer(border)
    flat = trimesh.creation.extrude_polygon(plane.Polygon(rim.exterior.coords, [hole.exterior.coords]), front - back)
    turned = solids.posed(flat, np.eye(4)[[2, 0, 1, 3]])
    return solids.crisp(solids.moved(turned, (back, 0, 0)))


def feet(width: float, depth: float, height: float) -> Part:
    """Four short round feet that reach a little above z = height."""
    spots = [(x * 0.3 * depth, y * 0.36 * width) for x in (-1, 1) for y in (-1, 1)]
    pegs = [solids.cylinder((x, y, 0), (x, y, height + 0.05), 0.1) for x, y in spots]
    return Part("foot", solids.joined(*pegs), DARK)


def old_cabinet(size: tuple[float, float, float], lift: float, timber: Material) -> list[Part]:
    """A box (depth, width, height) that hangs `lift` above the ground, with a tapering back for the tube's neck."""
    depth, width, height = size
    case = solids.slab((0, 0, lift + height / 2), size, 0.1)
    corners = [
        (x, y, lift + z)
        for x, share in ((-depth / 2, 0.36), (-depth / 2 - 0.35, 0.24))
        for y in (-share * width, share * width)
        for z in (0.22 * height, (0.5 + share) * height)
    ]
    return [Part("cabinet", case, timber), Part("cabinet", solids.hull(corners, 0.06), DARK)]


def control_panel(draw: Draw, y: float, low: float, high: float, front: float, plastic: Material) -> list[Part]:
    """The column at y with the knobs and the loudspeaker, on a cabinet's front."""
    outline = [(y - 0.2, low), (y + 0.18, low), (y + 0.18, high), (y - 0.2, high)]
    metal = {"brass": BRASS, "steel": STEEL}[draw.choice("knobs", ["brass", "steel"])]
    plate = facing(outline, front - 0.05, front + 0.03, 0.03)
    return [Part("panel", plate, plastic), *dials(y, low + 0.04, high - 0.02, front + 0.03, metal)]


def tube_set(draw: Draw) -> list[Part]:
    """An old set: a deep cabinet with a bulging screen, knobs beside it, an antenna, and legs or feet."""
    paints = ["brown", "brown", "red", "orange", "green", "blue", "yellow", "white"]
    timber = Material(draw.color("cabinet", paints), 0.4)
    if timber.color.name == "brown":
        timber = Material(Color("brown", WOODS[draw.choice("timber", ["oak", "walnut", "cherry"])]), 0.4)
    plastic = Material(draw.color("bezel", ["black", "gray", "white"], 0.02), 0.4)
    width, height = draw.uniform("width", 1.9, 2.4), draw.uniform("height", 1.45, 1.75)
    depth = draw.uniform("depth", 0.8, 1.2)
    has_legs = draw.choice("stand", ["legs", "legs", "feet"]) == "legs"
    lift = draw.uniform("leg_height", 0.4, 0.8) if has_legs else 0.1
    middle, front, top = lift + height / 2, depth / 2, lift + height
    corner = draw.uniform("corner", 0.14, 0.3)
    screen = Screen((PANEL / 2, middle), (width - PANEL - 0.36, height - 0.38), front - 0.02, 0.12, corner)
    ears = draw.choice("antenna", ["ears", "ears", "loop"])
    reach, spread = draw.uniform("antenna_reach", 0.75, 1.15), draw.uniform("spread", 24, 46)
    return [
        *old_cabinet((depth, width, height), lift, timber),
        Part("frame", bezel(screen, 0.075, front - 0.08, front + 0.09), plastic),
        *picture(draw, screen),
        *control_panel(draw, 0.1 + (PANEL - width) / 2, lift + 0.16, top - 0.16, front, plastic),
        *antenna(ears, -0.1, top, reach, spread),
        four_legs(width, depth, lift, 0.14, timber) if has_legs else feet(width, depth, lift),
    ]


def flat_set(draw: Draw) -> list[Part]:
    """A flat screen on a central foot or on two slanting feet."""
    casing = Material(draw.color("frame", ["black", "black", "gray", "white", "red"], 0.02), 0.3)
    width = draw.uniform("width", 2.5, 3.0)
    height, lift, border = (
        width * draw.uniform("aspect", 0.54, 0.64),
        draw.uniform("lift", 0.22, 0.42),
        draw.uniform("border", 0.09, 0.14),
    )
    screen = Screen((0.0, lift + height / 2), (width - 2 * border, height - 2 * border), 0.02, 0.0, 0.04)
    back = solids.slab((-0.06, 0, lift + height / 2), (0.12, width - 0.02, height - 0.02), 0.05)
    if draw.choice("stand", ["foot", "two feet"]) == "foot":
        plate = solids.moved(
            solids.scaled(solids.lathe([(0, 0), (0.5, 0), (0.5, 0.05), (0.4, 0.1), (0, 0.12)], 40), (0.75, 1.3, 1.0)),
            (0, 0, 0),
        )
        stand = solids.joined(
            solids.crisp(plate), solids.slab((-0.08, 0, lift / 2 + 0.1), (0.14, 0.4, lift + 0.12), 0.05)
        )
    else:
        foot = [
            solids.pipe(
                [(0.38, 0.34 * width, 0.05), (0.0, 0.32 * width, lift + 0.04), (-0.38, 0.34 * width, 0.05)], 0.05
            )
        ]
        stand = solids.mirrored(solids.joined(*foot))
    lamp = disc((0.09, 0, lift + 0.45 * border), 0.025, 0.03)
    return [
        Part("frame", solids.joined(bezel(screen, border, -0.06, 0.09), back), casing),
        *picture(draw, screen),
        Part("stand", stand, casing if casing.color.name != "red" else DARK),
        Part("light", lamp, Material(Color("red", (0.9, 0.1, 0.08)), 0.3)),
    ]


@object_class(
    "television", family="thing", azimuths=((-38, 38),), elevations=(4, 18), synonyms=("TV", "television set", "telly")
)
def television(draw: Draw) -> list[Part]:
    """An old television with a picture tube and an antenna, or a flat one on a stand."""
    if draw.choice("kind", ["tube", "tube", "flat"]) == "tube":
        return tube_set(draw)
    return flat_set(draw)
