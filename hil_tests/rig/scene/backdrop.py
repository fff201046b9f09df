"""The empty street: every pixel's ray meets the ground, a wall or the sky, and gets its colour there."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hil_tests.rig.scene.geometry import Floats, Pinhole, pinhole
from hil_tests.rig.scene.script import Light, Script, Street

Mask = NDArray[np.bool_]

_TILE = 512  # side of the repeated noise picture
_FLOOR_M = 3.2
_WINDOW_M = 2.7
FAR_END_M = 78.0


@dataclass(frozen=True, kw_only=True)
class Building:
    """A block with its walls on the axes: x from `left_m` to `right_m`, y from `near_m` to `far_m`."""

    left_m: float
    right_m: float
    near_m: float
    far_m: float
    height_m: float
    colour: tuple[int, int, int]
    seed: int


def buildings(script: Script) -> tuple[Building, ...]:
    """Return the blocks along the street, the same ones for the same seed."""
    street = script.street
    random = np.random.default_rng(script.seed)
    left = street.road_x_m[0] - street.pavement_m
    right = street.road_x_m[1] + street.pavement_m
    blocks = []
    for side, start in (("left", -6.0), ("right", street.closed_area_m[3] + 3.0)):
        near = start
        while near < FAR_END_M - 14:
            far = near + float(random.uniform(11, 18))
            height = float(random.integers(4, 8)) * _FLOOR_M + 1.4
            colour = street.facades[int(random.integers(len(street.facades)))]
            x_m = (left - 14, left) if side == "left" else (right, right + 16)
            blocks.append(
                Building(
                    left_m=x_m[0],
                    right_m=x_m[1],
                    near_m=near,
                    far_m=far,
                    height_m=height,
                    colour=colour,
                    seed=int(random.integers(1 << 30)),
                )
            )
            near = far + (0.0 if random.random() < 0.7 else 2.5)
    blocks.append(_end_block(-40.0, 3.0, 19.0, street.facades[0], script.seed))
    blocks.append(_end_block(3.0, 45.0, 25.0, street.facades[-1], script.seed + 1))
    return tuple(blocks)


def _end_block(left_m: float, right_m: float, height_m: float, colour: tuple[int, int, int], seed: int) -> Building:
    return Building(
        left_m=left_m,
        right_m=right_m,
        near_m=FAR_END_M + 12,
        far_m=FAR_END_M + 30,
        height_m=height_m,
        colour=colour,
        seed=seed,
    )


def paint_backdrop(script: Script) -> Floats:
    """Return the empty street without furniture: RGB, float32, 0 to 255, shape (height, width, 3)."""
    view = pinhole(script)
    noise = Noise(script.seed)
    rays = view.rays()
    easel = _Easel(
        picture=_sky(rays[2], script.light, noise, view),
        nearest=np.full(rays[0].shape, 1e6, np.float32),
        rays=rays,
        view=view,
        script=script,
        noise=noise,
    )
    blocks = buildings(script)
    _paint_ground(easel, blocks)
    for block in blocks:
        _paint_block(easel, block)
    return _with_haze(easel.picture, easel.nearest, script.light)


@dataclass(frozen=True, kw_only=True)
class _Easel:
    """A picture in the making: each pixel's colour, the distance of what it shows, and its ray."""

    picture: Floats
    nearest: Floats
    rays: tuple[Floats, Floats, Floats]
    view: Pinhole
    script: Script
    noise: "Noise"


class Noise:
    """Smooth random values from -1 to 1 that can be asked at any place, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        tile = np.zeros((_TILE, _TILE), np.float32)
        for cells, weight in ((8, 1.0), (32, 0.6), (128, 0.45), (512, 0.35)):
            grid = random.standard_normal((cells, cells)).astype(np.float32)
            wrapped = np.pad(grid, 2, mode="wrap")
            side = _TILE * (cells + 4) // cells
            edge = 2 * _TILE // cells
            smooth = cv2.resize(wrapped, (side, side), interpolation=cv2.INTER_CUBIC)
            tile += weight * smooth[edge : edge + _TILE, edge : edge + _TILE]
        self._tile = np.asarray(np.clip(tile / 2.0, -1, 1), np.float32)

    def at(self, x: Floats, y: Floats, per_unit: float) -> Floats:
        """Return the noise at (x, y), `per_unit` pixels of the noise tile to one unit."""
        mapped_x = np.mod(x * per_unit, _TILE).astype(np.float32)
        mapped_y = np.mod(y * per_unit, _TILE).astype(np.float32)
        sampled = cv2.remap(self._tile, mapped_x, mapped_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return np.asarray(sampled, np.float32)


def _sky(z: Floats, light: Light, noise: Noise, view: Pinhole) -> Floats:
    share = np.clip(z * 3.0, 0, 1)[..., None]
    low = np.array([206, 212, 218], np.float32)
    high = np.array([128, 160, 202], np.float32)
    sky = low + (high - low) * share
    u, v = np.meshgrid(np.arange(view.width_px, dtype=np.float32), np.arange(view.height_px, dtype=np.float32))
    cloud = np.clip(noise.at(u, v * 2.5, 0.45) * 1.6, 0, 1)[..., None]
    sky += cloud * (235 - sky) * 0.6
    return np.asarray(sky * light.brightness * _tint(light), np.float32)


def _tint(light: Light) -> Floats:
    return np.array([1 + 0.16 * light.warmth, 1.0, 1 - 0.26 * light.warmth], np.float32)


def shade(light: Light, facing: float, shadow: Floats | float) -> Floats:
    """Return the light (RGB factors) on a surface: `facing` the sun by 0 to 1, `shadow` from 0 to 1."""
    sun = np.asarray(light.sun_share * facing * (1 - np.asarray(shadow, np.float32)), np.float32)
    ambient = (1 - light.sun_share) * np.array([0.95, 0.99, 1.05], np.float32)
    direct = sun[..., None] * np.array([1.5, 1.45, 1.32], np.float32)
    return np.asarray((ambient + direct) * light.brightness * _tint(light), np.float32)


def _paint_ground(easel: _Easel, blocks: tuple[Building, ...]) -> None:
    rays, view, script, noise = easel.rays, easel.view, easel.script, easel.noise
    rows = np.flatnonzero((rays[2] < -0.02).all(axis=1))
    top = int(rows[0])
    part = slice(top, None)
    distance = -view.origin[2] / rays[2][part]
    x = view.origin[0] + distance * rays[0][part]
    y = view.origin[1] + distance * rays[1][part]
    footprint = distance / view.focal_px * 1.2  # metres that a pixel covers across
    colour = ground_colour(x, y, footprint, script, noise)
    shadow = ground_shadow(x, y, script.light, blocks, noise)
    easel.picture[part] = colour * shade(script.light, 1.0, shadow)
    easel.nearest[part] = distance


def ground_shadow(x: Floats, y: Floats, light: Light, blocks: tuple[Building, ...], noise: Noise) -> Floats:
    """Return how much of the sun the blocks take from each place of the ground, 0 to 1."""
    shadow = np.zeros_like(x)
    sx, sy, sz = light.sun
    wobble = noise.at(x, y, 20) * 0.06
    for block in blocks:
        shift_x, shift_y = block.height_m * sx / -sz, block.height_m * sy / -sz
        inside = np.minimum.reduce(
            [
                x - min(block.left_m, block.left_m + shift_x) + wobble,
                max(block.right_m, block.right_m + shift_x) - x + wobble,
                y - min(block.near_m, block.near_m + shift_y),
                max(block.far_m, block.far_m + shift_y) - y,
            ]
        )
        shadow = np.maximum(shadow, np.clip(inside / 0.35 + 0.5, 0, 1))
    return shadow.astype(np.float32)


def _edge(distance: Floats, footprint: Floats) -> Floats:
    """Return 0 outside to 1 inside, smoothed over a pixel; `distance` in metres is positive inside."""
    return np.asarray(np.clip(distance / footprint + 0.5, 0, 1), np.float32)


def _band(value: Floats, low: float, high: float, footprint: Floats) -> Floats:
    return _edge(np.minimum(value - low, high - value), footprint)


def _rectangle(x: Floats, y: Floats, box: tuple[float, float, float, float], footprint: Floats) -> Floats:
    left, near, right, far = box
    return _edge(np.minimum(np.minimum(x - left, right - x), np.minimum(y - near, far - y)), footprint)


def _blend(colour: Floats, share: Floats, paint: tuple[int, int, int] | Floats) -> Floats:
    """Return `colour` with `paint` over it where `share` is 1."""
    return np.asarray(colour + share[..., None] * (np.asarray(paint, np.float32) - colour), np.float32)


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """Places of the ground in metres, how many metres a pixel covers there, and its roughness."""

    x: Floats
    y: Floats
    footprint: Floats
    noise: Noise
    grain: Floats


def ground_colour(x: Floats, y: Floats, footprint: Floats, script: Script, noise: Noise) -> Floats:
    """Return the colour (RGB) of the ground at world places (x, y) in plain light."""
    street = script.street
    grain = noise.at(x, y, 170) * np.clip(0.05 / footprint, 0.15, 1)
    ground = _Ground(x=x, y=y, footprint=footprint, noise=noise, grain=grain)
    colour = _asphalt(ground, street)
    colour = _markings(colour, ground, street)
    left, right = street.road_x_m
    pavement = np.maximum(_edge(left - x, footprint), _edge(x - right, footprint))
    pavement *= _edge(FAR_END_M - 9 - y, footprint)
    colour = _blend(colour, pavement, _paving(ground, street))
    return _closed_ground(colour, ground, street)


def _asphalt(ground: _Ground, street: Street) -> Floats:
    x, y, noise, grain = ground.x, ground.y, ground.noise, ground.grain
    tone = 101 + 9 * noise.at(x, y, 5) + 7 * grain
    left, right = street.road_x_m
    middle = (left + right) / 2
    for lane in ((left + middle) / 2, (right + middle) / 2):
        for wheel in (-0.8, 0.8):
            tone -= 7 * np.exp(-(((x - lane - wheel) / 0.35) ** 2))
        tone -= 5 * np.exp(-(((x - lane) / 0.3) ** 2)) * (noise.at(x * 3, y, 11) > -0.2)
    patch = ((x > left + 0.9) & (x < left + 2.6) & (y > 15.2) & (y < 19.4)).astype(np.float32)
    tone -= 13 * patch
    crack = np.abs(noise.at(x, y, 13) + 0.4 * noise.at(x, y, 60)) < 0.012
    tone -= 16 * crack
    return np.asarray(tone[..., None] * np.array([0.985, 1.0, 1.02], np.float32), np.float32)


def _markings(colour: Floats, ground: _Ground, street: Street) -> Floats:
    x, y, footprint = ground.x, ground.y, ground.footprint
    noise = ground.noise
    left, right = street.road_x_m
    middle = (left + right) / 2
    worn = np.clip(0.86 + 0.35 * noise.at(x, y, 45), 0.35, 1)
    white, yellow = (214, 214, 208), (214, 170, 52)
    zebra = street.zebra_y_m
    open_road = np.maximum(_edge(zebra - 2.2 - y, footprint), _edge(y - zebra - 6.2, footprint))
    for offset in (-0.16, 0.16):
        colour = _blend(
            colour, _band(x, middle + offset - 0.06, middle + offset + 0.06, footprint) * worn * open_road, yellow
        )
    for edge in (left + 0.35, right - 0.35):
        colour = _blend(colour, _band(x, edge - 0.06, edge + 0.06, footprint) * worn * open_road, white)
    stripes = _edge(0.225 - np.abs(np.mod(x - left, 0.9) - 0.45), footprint)
    crossing = stripes * _band(y, zebra, zebra + 4.0, footprint) * _band(x, left + 0.3, right - 0.3, footprint)
    colour = _blend(colour, crossing * worn, white)
    stop = _band(y, zebra - 1.6, zebra - 1.25, footprint) * _band(x, middle + 0.2, right - 0.4, footprint)
    colour = _blend(colour, stop * worn, white)
    colour = _bay(colour, ground, street, worn)
    hole = 0.36 - np.hypot(x - middle - 1.4, y - 14.3)
    colour = _blend(colour, _edge(hole, footprint), (74, 72, 70))
    return _blend(colour, _edge(0.035 - np.abs(hole - 0.05), footprint), (56, 55, 54))


def _bay(colour: Floats, ground: _Ground, street: Street, worn: Floats) -> Floats:
    """Paint the no-parking bay: a yellow frame, hatched."""
    x, y, footprint = ground.x, ground.y, ground.footprint
    left, near, right, far = street.bay_m
    yellow = (226, 178, 40)
    inside = _rectangle(x, y, street.bay_m, footprint)
    frame = inside - _rectangle(x, y, (left + 0.14, near + 0.14, right - 0.14, far - 0.14), footprint)
    hatch = _edge(0.1 - np.abs(np.mod(x + y, 1.5) - 0.75) / 1.41, footprint) * inside
    return _blend(colour, np.maximum(frame, hatch) * worn, yellow)


def _paving(ground: _Ground, street: Street) -> Floats:
    x, y, footprint = ground.x, ground.y, ground.footprint
    noise, grain = ground.noise, ground.grain
    left, right = street.road_x_m
    cell_x, cell_y = np.floor(x / 0.6), np.floor(y / 0.6)
    per_slab = np.mod(np.sin(cell_x * 12.9898 + cell_y * 78.233) * 43758.5453, 1.0) - 0.5
    tone = 148 + 12 * per_slab * np.clip(0.3 / footprint, 0, 1) + 8 * noise.at(x, y, 6) + 6 * grain
    joint = np.minimum(np.mod(x, 0.6), np.mod(y, 0.6))
    tone -= 26 * _edge(np.asarray(0.018 - joint, np.float32), footprint) * np.clip(0.08 / footprint, 0, 1)
    colour = tone[..., None] * np.array([1.02, 1.0, 0.955], np.float32)
    for guide in (left - 1.9, right + 1.9):  # the tactile strip that leads the blind
        strip = _band(x, guide - 0.25, guide + 0.25, footprint)
        rib = 0.9 + 0.1 * np.sin(x * 6.2832 / 0.125) * np.clip(0.03 / footprint, 0, 1)
        colour = _blend(colour, strip, np.array([201, 166, 78], np.float32) * (rib + 0.05 * grain)[..., None])
    for kerb_low, kerb_high in ((left - 0.22, left), (right, right + 0.22)):
        colour = _blend(colour, _band(x, kerb_low, kerb_high, footprint), (182, 180, 174))
    for gutter in (left + 0.06, right - 0.06):
        colour = _blend(colour, _band(x, gutter - 0.06, gutter + 0.06, footprint), (78, 77, 75))
    return np.asarray(colour, np.float32)


def _closed_ground(colour: Floats, ground: _Ground, street: Street) -> Floats:
    x, y, footprint = ground.x, ground.y, ground.footprint
    noise, grain = ground.noise, ground.grain
    left, near, right, far = street.closed_area_m
    rough = noise.at(x, y, 14)
    earth = (134 + 17 * rough + 12 * grain)[..., None] * np.array([1.06, 0.95, 0.77], np.float32)
    tracks = np.exp(-((np.mod(x + 0.25 * y, 2.4) - 1.2) ** 2) / 0.03) * 14
    earth = earth - tracks[..., None]
    colour = _blend(colour, _rectangle(x, y, (left, near, right, far), footprint), earth)
    gravel = (128 + 16 * rough + 14 * grain)[..., None] * np.array([1.0, 0.985, 0.95], np.float32)
    beside = np.maximum(_rectangle(x, y, (right, -5.0, 60.0, far + 3), footprint), 0)
    colour = _blend(colour, beside, gravel)
    verge = _rectangle(x, y, (left, -5.0, 60.0, near), footprint)
    grass = (96 + 24 * rough + 16 * grain)[..., None] * np.array([0.86, 1.06, 0.55], np.float32)
    return _blend(colour, verge, grass)


def _paint_block(easel: _Easel, block: Building) -> None:
    """Paint the walls of `block` that face the camera: the one across the street's axis, and the one along it."""
    view = easel.view
    faces = [("y", block.near_m)]
    if block.left_m > view.origin[0]:
        faces.append(("x", block.left_m))
    elif block.right_m < view.origin[0]:
        faces.append(("x", block.right_m))
    for axis, at in faces:
        _paint_wall(easel, block, axis, at)


def _paint_wall(easel: _Easel, block: Building, axis: str, at: float) -> None:
    picture, nearest, rays, view = easel.picture, easel.nearest, easel.rays, easel.view
    across, along = (rays[0], rays[1]) if axis == "x" else (rays[1], rays[0])
    own, other = (0, 1) if axis == "x" else (1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (at - view.origin[own]) / across
    place = view.origin[other] + distance * along
    height = view.origin[2] + distance * rays[2]
    low, high = (block.near_m, block.far_m) if axis == "x" else (block.left_m, block.right_m)
    seen = (distance > 0.5) & (distance < nearest) & (place > low) & (place < high)
    seen &= (height > 0) & (height < block.height_m)
    box = cv2.boundingRect(seen.astype(np.uint8))
    if box[2] == 0:
        return
    part = (slice(box[1], box[1] + box[3]), slice(box[0], box[0] + box[2]))
    mask = seen[part]
    footprint = np.clip(distance[part] / view.focal_px * 1.6, 0.001, 5).astype(np.float32)
    s = np.where(mask, place[part] - low, 0).astype(np.float32)
    z = np.where(mask, height[part], 0).astype(np.float32)
    colour = facade_colour(_Wall(s=s, z=z, footprint=footprint), block, easel.script.light, easel.noise)
    facing = _facing(axis, at, view, easel.script.light)
    lit = colour * shade(easel.script.light, facing, np.zeros_like(s))
    picture[part][mask] = lit[mask]
    nearest[part][mask] = distance[part][mask]


def _facing(axis: str, at: float, view: Pinhole, light: Light) -> float:
    sun = np.array(light.sun) / np.linalg.norm(light.sun)
    normal = (0.0, -1.0, 0.0) if axis == "y" else ((-1.0 if at > view.origin[0] else 1.0), 0.0, 0.0)
    return float(max(0.0, -(sun @ np.array(normal)))) * 1.2


@dataclass(frozen=True, kw_only=True)
class _Wall:
    """Places of a wall: metres along it, metres up, and how many metres a pixel covers there."""

    s: Floats
    z: Floats
    footprint: Floats


def facade_colour(wall: _Wall, block: Building, light: Light, noise: Noise) -> Floats:
    """Return the colour (RGB) of a wall in plain light: shops below, windows above."""
    s, z, footprint = wall.s, wall.z, wall.footprint
    seed = float(block.seed % 997)
    stain = noise.at(s + seed, z, 9)
    grain = noise.at(s, z + seed, 120) * np.clip(0.05 / footprint, 0, 1)
    colour = np.array(block.colour, np.float32) * (1 + 0.05 * stain + 0.04 * grain)[..., None]
    streak = np.clip(noise.at(s * 6 + seed, z * 0.4, 20), 0, 1) * 0.10
    colour = colour * (1 - streak)[..., None]
    floor, bay = np.floor((z - 0.4) / _FLOOR_M), np.floor(s / _WINDOW_M)
    in_z, in_s = z - 0.4 - floor * _FLOOR_M, s - bay * _WINDOW_M
    chance = np.mod(np.sin(bay * 12.9898 + floor * 78.233 + seed) * 43758.5453, 1.0).astype(np.float32)
    ledge = _edge(0.09 - np.abs(in_z), footprint)
    colour = _blend(colour, ledge * 0.6, np.array(block.colour, np.float32) * 1.15)
    upper = ((floor >= 1) & (z < block.height_m - 1.0)).astype(np.float32)
    frame = _band(in_s, 0.42, 2.28, footprint) * _band(in_z, 0.82, 2.62, footprint) * upper
    colour = _blend(colour, frame, (205, 204, 198))
    colour = _windows(colour, _Wall(s=in_s, z=in_z, footprint=footprint), chance, upper, light)
    unit = _band(in_s, 0.5, 1.25, footprint) * _band(in_z, 0.2, 0.72, footprint) * upper * (chance > 0.62)
    colour = _blend(colour, unit, (196, 196, 192))
    colour = _shops(colour, wall, seed, light)
    parapet = _edge(z - block.height_m + 0.5, footprint)
    return _blend(colour, parapet * 0.7, np.array(block.colour, np.float32) * 0.8)


def _windows(colour: Floats, wall: _Wall, chance: Floats, upper: Floats, light: Light) -> Floats:
    in_s, in_z, footprint = wall.s, wall.z, wall.footprint
    pane = np.maximum(_band(in_s, 0.52, 1.31, footprint), _band(in_s, 1.39, 2.18, footprint))
    pane = pane * _band(in_z, 0.92, 2.52, footprint) * upper
    sheen = np.clip((in_z - 0.9) / 1.7, 0, 1)
    glass = np.stack([48 + 44 * sheen, 60 + 50 * sheen, 74 + 56 * sheen], axis=-1) * (0.75 + 0.5 * chance)[..., None]
    curtain = ((chance > 0.35) & (chance < 0.5))[..., None]
    glass = np.where(curtain, glass * 0.5 + np.array([96, 92, 84], np.float32), glass)
    if light.lamps:
        glowing = (chance > 0.7)[..., None]
        glass = np.where(glowing, np.array([255, 214, 140], np.float32) / light.brightness * 0.75, glass)
    return _blend(colour, pane, glass.astype(np.float32))


def _shops(colour: Floats, wall: _Wall, seed: float, light: Light) -> Floats:
    """Paint the ground floor: shop windows, and above each a sign with strokes like writing."""
    s, z, footprint = wall.s, wall.z, wall.footprint
    shop = np.floor(s / 5.4)
    in_s = s - shop * 5.4
    chance = np.mod(np.sin(shop * 91.17 + seed * 3.3) * 24634.63, 1.0).astype(np.float32)
    ground = _edge(3.5 - z, footprint)
    colour = _blend(colour, ground * 0.85, (112, 106, 100))
    glass = _band(in_s, 0.35, 5.05, footprint) * _band(z, 0.35, 2.5, footprint)
    depth = np.clip(z / 2.5, 0, 1)
    tone = np.stack([46 + 40 * depth, 52 + 42 * depth, 56 + 44 * depth], axis=-1) * (0.8 + 0.5 * chance)[..., None]
    if light.lamps:
        tone = tone * (2.4 / light.brightness) * np.array([1.1, 0.95, 0.72], np.float32)
    colour = _blend(colour, glass, tone.astype(np.float32))
    mullion = _edge(0.04 - np.abs(np.mod(in_s, 1.6) - 0.8), footprint) * glass
    colour = _blend(colour, mullion, (150, 150, 148))
    sign = _band(in_s, 0.2, 5.2, footprint) * _band(z, 2.62, 3.42, footprint)
    paints = np.array([[150, 38, 34], [28, 78, 132], [30, 104, 74], [186, 138, 40], [92, 50, 104]], np.float32)
    board = paints[np.mod(np.floor(chance * 50).astype(int), len(paints))]
    if light.lamps:
        board = board * (1.6 / light.brightness)
    colour = _blend(colour, sign, board)
    letter = np.floor((in_s - 1.1) / 0.66)
    in_letter = in_s - 1.1 - letter * 0.66
    stroke = np.mod(
        np.sin(letter * 37.7 + np.floor(in_letter / 0.11) * 5.1 + np.floor(z / 0.11) * 9.7 + chance * 50) * 9631.7, 1.0
    )
    ink = (stroke > 0.42) & (letter >= 0) & (letter < 5) & (in_letter < 0.55) & (z > 2.78) & (z < 3.28)
    return _blend(colour, ink * np.clip(0.12 / footprint, 0, 0.9), (240, 234, 214))


def _with_haze(picture: Floats, distance: Floats, light: Light) -> Floats:
    share = (light.haze * (1 - np.exp(-np.minimum(distance, 150) / 70)))[..., None]
    veil = np.array([202, 208, 214], np.float32) * light.brightness * _tint(light)
    return np.asarray(picture * (1 - share) + veil * share, np.float32)
