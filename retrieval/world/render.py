"""Scene -> pixels: a path-traced photograph and the buffers that every style draws from.

This is the only module that speaks to Mitsuba, and it imports it when the first scene is rendered, not before. The film uses a box filter: each
pixel is the plain mean of its own samples, so neither the order nor the number of threads can change a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import trimesh
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from retrieval.world.denoise import denoised
from retrieval.world.model import Material
from retrieval.world.scene import Camera, Scene, direction
from retrieval.world.surroundings import display, ground_texture, linear, sky_map, wall_mesh

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

NOTHING = -1  # the part index of ground, wall and sky
SMALLEST_DETAIL = 192  # pixels a side that the styles need to see an eye
OWNER = 2.0  # a part tells its index by its texture coordinate, OWNER + index; ground and wall have coordinates in [0, 1]
FAR = 60.0  # the depth of the sky, world units
CREASE = 38.0  # degrees between two faces beyond which an edge is sharp


@dataclass(frozen=True)
class Buffers:
    """What is known about every pixel of a scene. The photo has `size` pixels a side (S); the others `detail` pixels (R >= 2 S).

    photo (S, S, 3) sRGB in [0, 1] · depth (R, R) world units along the ray · normal (R, R, 3) unit, camera frame: x right, y up, z to the viewer
    albedo (R, R, 3) sRGB colour without light · part (R, R) index into `names`, -1 outside the object · light: unit vector to the sun, camera frame
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
        """Pixels a side of the finished pictures."""
        return int(self.photo.shape[0])

    @property
    def detail(self) -> int:
        """Pixels a side of the buffers."""
        return int(self.part.shape[0])

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Where the object is. (R, R)"""
        return self.part >= 0


def render(scene: Scene, size: int, samples: int) -> Buffers:
    """The buffers of a scene at `size` pixels, with `samples` light paths per pixel of the photo."""
    mi = _mitsuba()
    world = mi.load_dict(_description(scene, size, max(SMALLEST_DETAIL, 2 * size)))
    seed = scene.seed % 2**31
    path = mi.load_dict({"type": "path", "max_depth": 4})
    seen = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal,depth:depth,owner:uv"})
    noisy = np.array(mi.render(world, sensor=0, integrator=path, spp=samples, seed=seed))  # (S, S, 3)
    guides = np.array(mi.render(world, sensor=0, integrator=seen, spp=max(4, samples // 2), seed=seed))  # (S, S, 9)
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
    """The photo at `side` pixels. (side, side, 3)"""
    places = (np.arange(side) + 0.5) * photo.shape[0] / side - 0.5
    grid = np.meshgrid(places, places, indexing="ij")
    return np.stack([ndimage.map_coordinates(photo[..., c], grid, order=1, mode="nearest") for c in range(3)], axis=-1)


def _description(scene: Scene, size: int, detail: int) -> dict[str, Any]:
    """The scene in Mitsuba's own terms. Sensor 0 takes the photo through a lens; sensor 1 sees all sharp, for the buffers."""
    mi = _mitsuba()
    world: dict[str, Any] = {"type": "scene", "lens": _sensor(scene.camera, size, True), "pinhole": _sensor(scene.camera, detail, False)}
    turn = mi.ScalarTransform4f().rotate([1, 0, 0], 90)
    sky = sky_map(scene.light, scene.stage).astype(np.float32)
    world["sky"] = {"type": "envmap", "bitmap": mi.Bitmap(sky), "to_world": turn}
    world["ground"] = _ground(scene)
    wall = wall_mesh(scene.stage, scene.camera)
    if wall is not None:
        color = {"type": "rgb", "value": linear(scene.stage.wall_color).tolist()}
        world["wall"] = _mesh("wall", None, wall, {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": color}})
    for place, part in enumerate(scene.parts):
        world[f"part{place}"] = _mesh(f"part{place}", OWNER + place, part.mesh, _surface(part.material))
    return world


def _sensor(camera: Camera, pixels: int, lens: bool) -> dict[str, Any]:
    """A square camera; with a lens, what lies off the object's distance is blurred."""
    look = _mitsuba().ScalarTransform4f().look_at(origin=list(camera.origin), target=list(camera.target), up=[0, 0, 1])
    film = {"type": "hdrfilm", "width": pixels, "height": pixels, "pixel_format": "rgb", "rfilter": {"type": "box"}}
    sensor = {"type": "perspective", "fov": camera.fov, "to_world": look, "film": film, "sampler": {"type": "multijitter"}}
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
    place = mi.ScalarTransform4f().translate([0, 0, -0.003]).rotate([0, 0, 1], scene.camera.azimuth + scene.stage.turn).scale(reach)
    return {"type": "rectangle", "to_world": place, "bsdf": {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": pattern}}}


def _surface(material: Material) -> dict[str, Any]:
    """How a part answers light, as a Mitsuba surface."""
    color = {"type": "rgb", "value": linear(material.color.rgb).tolist()}
    if material.clear:
        return {"type": "thindielectric", "specular_transmittance": color}
    surface = {"type": "principled", "base_color": color, "roughness": max(material.roughness, 0.05), "metallic": material.metallic}
    return {"type": "twosided", "bsdf": surface | {"specular": 0.5}}


def _mesh(name: str, owner: float | None, mesh: trimesh.Trimesh, surface: dict[str, Any]) -> Any:
    """A Mitsuba mesh with smooth normals that break at creases, handed over in memory; `owner` is its texture coordinate everywhere."""
    mi = _mitsuba()
    vertices, faces, normals = creased(mesh)
    properties = mi.Properties()
    properties["surface"] = mi.load_dict(surface)
    shape = mi.Mesh(name, len(vertices), len(faces), properties, has_vertex_normals=True, has_vertex_texcoords=owner is not None)
    fields = mi.traverse(shape)
    fields["vertex_positions"] = vertices.astype(np.float32).ravel()
    fields["vertex_normals"] = normals.astype(np.float32).ravel()
    if owner is not None:
        fields["vertex_texcoords"] = np.full(2 * len(vertices), owner, np.float32)
    fields["faces"] = faces.astype(np.uint32).ravel()
    fields.update()
    return shape


def creased(mesh: trimesh.Trimesh) -> tuple[Array, npt.NDArray[np.int64], Array]:
    """Vertices (N, 3), faces (F, 3) and vertex normals (N, 3) of the mesh; a vertex is doubled where faces meet at more than CREASE degrees."""
    mesh = mesh.copy()
    mesh.merge_vertices()
    count = len(mesh.faces)
    smooth = mesh.face_adjacency[mesh.face_adjacency_angles < np.radians(CREASE)]
    links = coo_matrix((np.ones(len(smooth)), (smooth[:, 0], smooth[:, 1])), shape=(count, count))
    group = connected_components(links, directed=False)[1].astype(np.int64)  # (F,): faces joined by smooth edges
    keys = group[:, None] * len(mesh.vertices) + mesh.faces
    unique, faces = np.unique(keys.ravel(), return_inverse=True)
    weighted = np.repeat(np.asarray(mesh.area_faces)[:, None] * np.asarray(mesh.face_normals), 3, axis=0)  # (3F, 3)
    normals = np.stack([np.bincount(faces.ravel(), weighted[:, i], len(unique)) for i in range(3)], axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return np.asarray(mesh.vertices)[unique % len(mesh.vertices)], faces.reshape(-1, 3), normals
