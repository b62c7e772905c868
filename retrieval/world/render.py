"""Scene -> pixels: a path-traced photograph and the buffers that every style draws from.

This is the only module that speaks to Mitsuba, and it imports it when the first scene is rendered, not before. The film
uses a box filter: each pixel is the plain mean of its own samples, so neither the order nor the number of threads can
change a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import trimesh
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from retrieval.world.denoise import denoised
from retrieval.world.scene import Camera, Scene, direction
from retrieval.world.surroundings import display, ground_texture, linear, sky_map, wall_mesh

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

NOTHING = -1  # the part index of ground, wall and sky
ENOUGH = 16  # samples per pixel that make the guides of the denoiser smooth
SMALLEST_DETAIL = 192  # pixels a side that the styles need to see an eye
OWNER = (
    2.0  # a part tells its index by its texture coordinate, OWNER + index; ground and wall have coordinates in [0, 1]
)
OPAQUE: dict[str, Any] = {
    "type": "twosided",
    "bsdf": {
        "type": "principled",
        "base_color": {"type": "mesh_attribute", "name": "vertex_color"},
        "roughness": {"type": "mesh_attribute", "name": "vertex_roughness"},
        "metallic": {"type": "mesh_attribute", "name": "vertex_metallic"},
        "specular": 0.5,
    },
}
FAR = 60.0  # the depth of the sky, world units
CREASE = 38.0  # degrees between two faces beyond which an edge is sharp


@dataclass(frozen=True, eq=False)
class Buffers:
    """What is known about every pixel of a scene. The photo has `size` pixels a side (S), the rest `detail` (R >= 2 S).
    Upright pictures are half as wide as high: (S, S / 2) and (R, R / 2).

    photo   (S, S, 3) sRGB in [0, 1]
    depth   (R, R) world units along the ray
    normal  (R, R, 3) unit vectors in the camera's frame: x right, y up, z to the viewer
    albedo  (R, R, 3) sRGB in [0, 1], colour without light
    part    (R, R) index into `names`, -1 outside the object
    light   unit vector to the sun, camera's frame
    """

    photo: Floats
    depth: Floats
    normal: Floats
    albedo: Floats
    part: Integers
    names: tuple[str, ...]
    light: tuple[float, float, float]

    @property
    def size(self) -> int:
        """Pixels a side of the finished pictures; the height of upright ones."""
        return int(self.photo.shape[0])

    @property
    def detail(self) -> int:
        """Pixels a side of the buffers; the height of upright ones."""
        return int(self.part.shape[0])

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Where the object is. (R, R)"""
        return self.part >= 0


def render(scene: Scene, size: int, samples: int, *, upright: bool = False) -> Buffers:
    """The buffers of a scene at `size` pixels, with `samples` light paths per pixel of the photo.

    upright: only the middle half of the square frame; `size` must then be a multiple of 4.
    """
    mi = _mitsuba()
    world = mi.load_dict(_description(scene, size, max(SMALLEST_DETAIL, 2 * size), upright))
    seed = scene.seed % 2**31
    path = mi.load_dict({"type": "path", "max_depth": 4})
    seen = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal,depth:depth,owner:uv"})
    noisy = np.array(mi.render(world, sensor=0, integrator=path, spp=samples, seed=seed))  # (S, S, 3)
    guides = np.array(mi.render(world, sensor=0, integrator=seen, spp=min(samples, ENOUGH), seed=seed))  # (S, S, 9)
    facts = np.array(mi.render(world, sensor=1, integrator=seen, spp=1, seed=seed))  # (R, R, 9)
    photo = display(_developed(denoised(noisy, guides[..., :7]))).astype(np.float32)
    return _buffers(scene, photo, facts)


def use_threads(count: int) -> None:
    """Let Mitsuba use this many threads in this process. Pictures do not depend on it."""
    _mitsuba()
    import drjit

    drjit.set_thread_count(count)


@cache
def _mitsuba() -> Any:
    """Mitsuba in its scalar variant: the one that runs on every machine without a compiler."""
    import mitsuba

    mitsuba.set_variant("scalar_rgb")
    return mitsuba


def _developed(light: Array) -> Array:
    """Linear light as film would keep it: unchanged up to 0.6, then bent so that highlights do not clip. (S, S, 3)"""
    return np.where(light > 0.6, 0.6 + 0.4 * np.tanh((light - 0.6) / 0.55), light)


def _buffers(scene: Scene, photo: Floats, facts: Array) -> Buffers:
    """Sort the renderer's channels (R, R, 9) into the terms of `Buffers`."""
    part = np.rint(facts[..., 7] - OWNER).astype(np.int32)
    part = np.where(part >= 0, part, NOTHING).astype(np.int32)
    sky = facts[..., 6] == 0
    colors = np.array([p.material.color.rgb for p in scene.parts])
    albedo = np.where((part >= 0)[..., None], colors[part], display(facts[..., 0:3]))
    enlarged = _enlarged(photo, part.shape[0])
    frame = scene.camera.frame()
    normal = facts[..., 3:6] @ frame.T
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    normal = np.where(normal[..., 2:] < 0, -normal, normal)
    x, y, z = frame @ direction(scene.light.azimuth, scene.light.elevation)
    return Buffers(
        photo=photo,
        depth=np.where(sky, FAR, facts[..., 6]).astype(np.float32),
        normal=np.where(sky[..., None], (0.0, 0.0, 1.0), normal).astype(np.float32),
        albedo=np.where(sky[..., None], enlarged, albedo).astype(np.float32),
        part=part,
        names=tuple(p.name for p in scene.parts),
        light=(float(x), float(y), float(z)),
    )


def _enlarged(photo: Floats, side: int) -> Floats:
    """The photo, `side` pixels high. (side, side, 3), or half as wide"""
    height, width = photo.shape[:2]
    rows = (np.arange(side) + 0.5) * height / side - 0.5
    columns = (np.arange(side * width // height) + 0.5) * height / side - 0.5
    grid = np.meshgrid(rows, columns, indexing="ij")
    return np.stack([ndimage.map_coordinates(photo[..., c], grid, order=1, mode="nearest") for c in range(3)], axis=-1)


def _description(scene: Scene, size: int, detail: int, upright: bool = False) -> dict[str, Any]:
    """The scene in Mitsuba's own terms. Sensor 0 takes the photo through a lens; sensor 1 sees all sharp.

    All opaque parts are one shape whose vertices carry the colours: Mitsuba's buffer pass slows down with each shape.
    """
    mi = _mitsuba()
    world: dict[str, Any] = {
        "type": "scene",
        "lens": _sensor(scene.camera, size, True, upright),
        "pinhole": _sensor(scene.camera, detail, False, upright),
    }
    turn = mi.ScalarTransform4f().rotate([1, 0, 0], 90)
    sky = sky_map(scene.light, scene.stage).astype(np.float32)
    world["sky"] = {"type": "envmap", "bitmap": mi.Bitmap(sky), "to_world": turn}
    world["ground"] = _ground(scene)
    wall = wall_mesh(scene.stage, scene.camera)
    if wall is not None:
        color = {"type": "rgb", "value": linear(scene.stage.wall_color).tolist()}
        surface = {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": color}}
        world["wall"] = _shape("wall", [creased(wall)], {"texcoords": [np.zeros(2)]}, surface)
    opaque = [place for place, part in enumerate(scene.parts) if not part.material.clear]
    if opaque:
        world["opaque"] = _parts_shape("opaque", scene, opaque, OPAQUE)
    for place, part in enumerate(scene.parts):
        if part.material.clear:
            tint = {"type": "rgb", "value": linear(part.material.color.rgb).tolist()}
            world[f"clear{place}"] = _parts_shape(
                f"clear{place}", scene, [place], {"type": "thindielectric", "specular_transmittance": tint}
            )
    return world


def _sensor(camera: Camera, pixels: int, lens: bool, upright: bool = False) -> dict[str, Any]:
    """A square camera, or the middle half of one; with a lens, what lies off the object's distance is blurred."""
    look = _mitsuba().ScalarTransform4f().look_at(origin=list(camera.origin), target=list(camera.target), up=[0, 0, 1])
    film = {"type": "hdrfilm", "width": pixels, "height": pixels, "pixel_format": "rgb", "rfilter": {"type": "box"}}
    if upright:
        film |= {"crop_width": pixels // 2, "crop_height": pixels, "crop_offset_x": pixels // 4, "crop_offset_y": 0}
    sensor = {
        "type": "perspective",
        "fov": camera.fov,
        "to_world": look,
        "film": film,
        "sampler": {"type": "multijitter"},
    }
    if lens:
        sensor |= {"type": "thinlens", "aperture_radius": camera.aperture, "focus_distance": camera.distance - 0.3}
    return sensor


def _ground(scene: Scene) -> dict[str, Any]:
    """A floor without end, a hair below the object so that flat bottoms do not flicker into it."""
    mi = _mitsuba()
    texture, side = ground_texture(scene.stage)
    reach = 80.0
    repeats = mi.ScalarTransform4f().scale([2 * reach / side, 2 * reach / side, 1])
    pattern = {"type": "bitmap", "bitmap": mi.Bitmap(linear(texture).astype(np.float32)), "raw": True, "to_uv": repeats}
    place = (
        mi.ScalarTransform4f()
        .translate([0, 0, -0.003])
        .rotate([0, 0, 1], scene.camera.azimuth + scene.stage.turn)
        .scale(reach)
    )
    return {
        "type": "rectangle",
        "to_world": place,
        "bsdf": {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": pattern}},
    }


def _parts_shape(name: str, scene: Scene, places: Sequence[int], surface: dict[str, Any]) -> Any:
    """The parts at `places` as one shape; each vertex carries its part's index, colour, roughness and metallic."""
    materials = [scene.parts[place].material for place in places]
    values = {
        "texcoords": [np.array([OWNER + place, 0.0]) for place in places],
        "color": [linear(m.color.rgb) for m in materials],
        "roughness": [np.array([max(m.roughness, 0.05)]) for m in materials],
        "metallic": [np.array([m.metallic]) for m in materials],
    }
    return _shape(name, [creased(scene.parts[place].mesh) for place in places], values, surface)


def _shape(name: str, pieces: Sequence[Surface], values: dict[str, list[Array]], surface: dict[str, Any]) -> Any:
    """The pieces as one Mitsuba mesh, handed over in memory. `values`: for each attribute one vector per piece."""
    mi = _mitsuba()
    counts = [len(piece.vertices) for piece in pieces]
    starts = np.cumsum([0, *counts[:-1]])
    faces = np.concatenate([piece.faces + start for piece, start in zip(pieces, starts, strict=True)])
    properties = mi.Properties()
    properties["surface"] = mi.load_dict(surface)
    shape = mi.Mesh(name, sum(counts), len(faces), properties, has_vertex_normals=True, has_vertex_texcoords=True)
    spread = {key: np.repeat(np.stack(each), counts, axis=0).astype(np.float32) for key, each in values.items()}
    fields = mi.traverse(shape)
    fields["vertex_positions"] = np.concatenate([piece.vertices for piece in pieces]).astype(np.float32).ravel()
    fields["vertex_normals"] = np.concatenate([piece.normals for piece in pieces]).astype(np.float32).ravel()
    fields["vertex_texcoords"] = spread.pop("texcoords").ravel()
    fields["faces"] = faces.astype(np.uint32).ravel()
    fields.update()
    for key, each in spread.items():
        shape.add_attribute(f"vertex_{key}", each.shape[1], each.ravel())
    return shape


class Surface(NamedTuple):
    """Triangles with smooth normals: vertices (N, 3), faces (F, 3), unit normals (N, 3)."""

    vertices: Array
    faces: npt.NDArray[np.int64]
    normals: Array


def creased(mesh: trimesh.Trimesh) -> Surface:
    """The mesh with smooth normals; where faces meet at more than CREASE degrees, vertices are doubled."""
    vertices, corners = np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int64)
    first, second, third = (vertices[corners[:, i]] for i in range(3))
    weighted = np.cross(second - first, third - first)  # (F, 3): twice the area times the normal
    flat = weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-12)
    left, right = _neighbours(corners, len(vertices))
    smooth = (flat[left] * flat[right]).sum(axis=1) > np.cos(np.radians(CREASE))
    links = coo_matrix((np.ones(int(smooth.sum())), (left[smooth], right[smooth])), shape=(len(corners),) * 2)
    group = connected_components(links, directed=False)[1].astype(np.int64)  # (F,): faces joined by smooth edges
    keys, faces = np.unique((group[:, None] * len(vertices) + corners).ravel(), return_inverse=True)
    normals: Array = np.stack([np.bincount(faces, np.repeat(weighted[:, i], 3), len(keys)) for i in range(3)], axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Surface(vertices[keys % len(vertices)], faces.reshape(-1, 3), normals)


def _neighbours(faces: npt.NDArray[np.int64], count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of faces (F, 3) that share an edge; `count` is the number of vertices. Two arrays of face indices."""
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    keys = edges[:, 0] * count + edges[:, 1]
    order = np.argsort(keys, kind="stable")
    twin = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    return order[twin] // 3, order[twin + 1] // 3
