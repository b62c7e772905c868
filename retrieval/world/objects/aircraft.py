"""What flies: airliners and propeller planes. Cars and boats, and the wheels that aircraft share, are in `vehicles`."""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.vehicles import DARK, GLASS, STEEL, wheel
from retrieval.world.solids import Point


def fuselage(stations: list[tuple[float, float, float]]) -> trimesh.Trimesh:
    """A round body along x through stations (x, height of its middle, radius), smooth in between."""
    smooth = solids.curve(stations, 48)
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    rings = [
        np.column_stack([np.full(40, x), max(r, 0.01) * np.cos(turn), z + max(r, 0.01) * np.sin(turn)])
        for x, z, r in smooth
    ]
    return solids.loft(rings)


def wing(
    root: tuple[float, float], tip: tuple[float, float], span: float, height: float, rise: float, thick: float = 0.09
) -> trimesh.Trimesh:
    """A pair of wings. root and tip: x of the front and the back edge; the tips lie `rise` above the root."""
    balls = [(root[0], 0, height), (root[1], 0, height), (tip[0], span, height + rise), (tip[1], span, height + rise)]
    balls.append((0.6 * tip[0] + 0.4 * tip[1], span + 0.1, height + rise))
    return solids.mirrored(solids.hull(balls, [thick, 0.35 * thick, 0.5 * thick, 0.25 * thick, 0.35 * thick]))


def tail(end: float, root: float, height: float, rise: float) -> trimesh.Trimesh:
    """An upright fin at the end of a fuselage."""
    balls = [
        (end + root, 0, height),
        (end, 0, height),
        (end + 0.12, 0, height + rise),
        (end - 0.22, 0, height + rise),
    ]
    return solids.hull(balls, [0.06, 0.04, 0.04, 0.03])


def ahead(profile: list[tuple[float, float]], place: Point) -> trimesh.Trimesh:
    """The profile [(radius, x), ...] turned around an axis along x that starts at `place`: engines, noses."""
    return solids.moved(solids.turned(solids.crisp(solids.lathe(profile, 32), 40), 1, 90), place)


def propeller(x: float, height: float, reach: float, blades: int, hub: Material, turn: float) -> list[Part]:
    """A spinner with blades, in front of x."""
    nose = solids.pebble((x + 0.03, 0, height), (0.2, 0.13, 0.13))
    blade = solids.hull(
        [
            (x + 0.05, -0.03, 0.0),
            (x + 0.05, 0.03, 0.0),
            (x + 0.04, -0.05, 0.75 * reach),
            (x + 0.06, 0.05, 0.75 * reach),
            (x + 0.05, 0, reach),
        ],
        0.03,
    )
    turned = [solids.moved(solids.turned(blade, 0, turn + 360 * k / blades), (0, 0, height)) for k in range(blades)]
    return [Part("propeller", nose, hub), Part("propeller", solids.joined(*turned), DARK)]


def jet_engine(x: float, y: float, height: float, radius: float, length: float, paint: Material) -> list[Part]:
    """A pair of jet engines under the wings: a nacelle with a bright lip around a dark intake."""
    skin = [
        (0.0, 0.0),
        (0.55 * radius, 0.0),
        (0.9 * radius, 0.45 * length),
        (radius, 0.8 * length),
        (0.94 * radius, length),
    ]
    lip = [
        (0.96 * radius, 0.98 * length),
        (0.9 * radius, 1.03 * length),
        (0.8 * radius, length),
        (0.76 * radius, 0.9 * length),
    ]
    fan = [(0, 0.9 * length), (0.78 * radius, 0.9 * length), (0, 0.98 * length)]
    nacelle, rim, intake = (ahead(profile, (x, y, height)) for profile in (skin, lip, fan))
    pylon = solids.hull(
        [
            (x + 0.2 * length, y, height),
            (x + 0.7 * length, y, height),
            (x, y, height + 1.3 * radius),
            (x + 0.4 * length, y, height + 1.3 * radius),
        ],
        0.03,
    )
    return [
        Part("engine", solids.mirrored(solids.joined(nacelle, pylon)), paint),
        Part("engine", solids.mirrored(rim), STEEL),
        Part("engine", solids.mirrored(intake), DARK),
    ]


def undercarriage(spots: list[Point], radius: float) -> list[Part]:
    """Wheels on struts; each spot is (x, y, height of the strut's top), and the wheels touch z = 0."""
    parts = []
    for x, y, top in spots:
        parts.append(Part("strut", solids.pipe([(x, y, radius), (x, 0.85 * y, top)], 0.035), STEEL))
        parts += wheel((x, y, radius), radius, 0.7 * radius, Color("gray", (0.8, 0.8, 0.82)))
    return parts


@object_class(
    "airplane",
    family="vehicle",
    azimuths=((38, 72), (-72, -38)),
    elevations=(16, 38),
    synonyms=("aeroplane", "plane", "aircraft"),
)
def airplane(draw: Draw) -> list[Part]:
    """A chubby airliner with jets under swept wings, or a little propeller plane with straight ones."""
    paint = Material(draw.color("body", ["white", "white", "red", "blue", "yellow", "orange", "green", "pink"]), 0.25)
    accent = Material(draw.color("accent", ["red", "blue", "orange", "green", "purple"]), 0.3)
    if draw.choice("kind", ["airliner", "propeller"]) == "airliner":
        return airliner(draw, paint, accent)
    return propeller_plane(draw, paint, accent)


def airliner(draw: Draw, paint: Material, accent: Material) -> list[Part]:
    """A passenger jet with a row of round windows."""
    half, radius = draw.uniform("length", 3.6, 4.4) / 2, draw.uniform("girth", 0.36, 0.46)
    span, sweep = draw.uniform("span", 1.8, 2.2), draw.uniform("sweep", 0.5, 0.95)
    middle = 0.42 + radius
    stations = [
        (-half, middle + 0.55 * radius, 0.06),
        (-0.72 * half, middle + 0.3 * radius, 0.55 * radius),
        (-0.35 * half, middle + 0.02, 0.97 * radius),
        (0.3 * half, middle, radius),
    ]
    stations += [
        (0.7 * half, middle, 0.9 * radius),
        (0.9 * half, middle - 0.06, 0.55 * radius),
        (0.985 * half, middle - 0.1, 0.2 * radius),
        (half, middle - 0.1, 0.01),
    ]
    low, root = middle - 0.35 * radius, 0.62
    wings = wing((root, -0.45), (root - sweep - 0.2, -0.5 - 0.75 * sweep), span, low, 0.24)
    end = -half + 0.1
    fin = tail(end, 0.75, middle + 0.8 * radius, draw.uniform("fin", 0.6, 0.85))
    stabiliser = wing((end + 0.55, end + 0.05), (end + 0.12, end - 0.12), 0.8, middle + 0.5 * radius, 0.1, 0.05)
    engines = jet_engine(root - 0.42 * sweep - 0.2, 0.42 * span, low - 0.16, 0.2, 0.62, accent)
    places = [(x, 0.93 * radius, middle + 0.26 * radius) for x in np.arange(-0.42 * half, 0.62 * half, 0.27)]
    row = [solids.pebble(place, (0.075, 0.05, 0.085), 2) for place in places]
    screen = solids.pebble((0.8 * half, 0, middle + 0.42 * radius), (0.22, 0.5 * radius, 0.28 * radius))
    return [
        Part("body", fuselage(stations), paint),
        Part("wing", wings, paint),
        Part("tail", fin, accent),
        Part("tail", stabiliser, paint),
        Part("window", solids.mirrored(solids.joined(*row)), GLASS),
        Part("window", screen, GLASS),
        *engines,
        *undercarriage([(0.62 * half, 0.0, middle - 0.5 * radius), (-0.15, 0.45, low), (-0.15, -0.45, low)], 0.14),
    ]


def propeller_plane(draw: Draw, paint: Material, accent: Material) -> list[Part]:
    """A sporty single-seater or a high-winged tourer with one propeller."""
    half, radius = draw.uniform("length", 2.8, 3.3) / 2, draw.uniform("girth", 0.34, 0.42)
    span, chord = draw.uniform("span", 1.7, 2.1), draw.uniform("chord", 0.7, 0.9)
    high = draw.choice("wing", ["low", "high"]) == "high"
    middle = 0.5 + radius
    stations = [
        (-half, middle + 0.25, 0.05),
        (-0.55 * half, middle + 0.12, 0.5 * radius),
        (0.0, middle, radius),
        (0.5 * half, middle, radius),
        (0.88 * half, middle, 0.82 * radius),
        (half, middle, 0.5 * radius),
    ]
    level = middle + 1.12 * radius if high else middle - 0.55 * radius
    front = 0.3 * half + chord / 2
    wings = wing((front, front - chord), (front - 0.08, front - 0.9 * chord), span, level, 0.06 if high else 0.22, 0.08)
    end = -half + 0.08
    cockpit = (0.12 * half, 0.0, middle + 0.72 * radius), (0.5, 0.72 * radius, 0.75 * radius)
    saloon = (0.38 * half, 0.0, middle + 0.5 * radius), (0.5, 0.97 * radius, 0.5 * radius)  # below a high wing
    cowl = [(0, 0), (0.86 * radius, 0), (0.9 * radius, 0.1), (0.8 * radius, 0.2), (0, 0.24)]
    reach, blades = draw.uniform("propeller", 0.55, 0.7), draw.choice("blades", [2, 3, 4])
    gear = [
        (0.1 * half, 0.5, middle - 0.7 * radius),
        (0.1 * half, -0.5, middle - 0.7 * radius),
        (0.78 * half, 0.0, middle),
    ]
    return [
        Part("body", fuselage(stations), paint),
        Part("wing", wings, accent),
        Part("tail", tail(end, 0.5, middle + 0.25, 0.5), accent),
        Part("tail", wing((end + 0.4, end), (end + 0.15, end - 0.08), 0.72, middle + 0.25, 0.03, 0.05), accent),
        Part("window", solids.pebble(*(saloon if high else cockpit)), GLASS),
        Part("engine", ahead(cowl, (0.86 * half, 0, middle)), accent),
        *propeller(half + 0.08, middle, reach, blades, accent, draw.uniform("turn", 0, 90)),
        *undercarriage(gear, 0.17),
    ]
