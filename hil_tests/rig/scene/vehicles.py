"""How cars and vans look: a side profile drawn out to a body, seen from any side."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from hil_tests.rig.scene.canvas import Canvas, Rgb
from hil_tests.rig.scene.figures import Lit
from hil_tests.rig.scene.geometry import Floats
from hil_tests.rig.scene.script import Actor

Point = tuple[float, float, float]

_GLASS: Rgb = (44, 54, 64)
_WHEEL_RADIUS_M = 0.33


@dataclass(frozen=True, kw_only=True)
class Bodywork:
    """A vehicle's shape in metres: (along, up) from the tail's foot over the roof to the nose's foot."""

    profile: tuple[tuple[float, float], ...]
    glass: frozenset[int]
    """Numbers of the profile's edges that are panes."""
    side_panes: tuple[tuple[tuple[float, float], ...], ...]
    belt_m: float
    """Height above which the body narrows."""
    half_width_m: float
    half_roof_m: float
    axles_m: tuple[float, float]

    def half_width_at(self, up_m: float) -> float:
        """Return half the width of the body at the height `up_m`."""
        top = max(up for _, up in self.profile)
        share = max(0.0, (up_m - self.belt_m) / (top - self.belt_m))
        return self.half_width_m + share * (self.half_roof_m - self.half_width_m)


CAR = Bodywork(
    profile=(
        (-2.2, 0.34), (-2.26, 0.62), (-2.2, 0.98), (-1.72, 1.06), (-1.05, 1.46), (0.42, 1.48),
        (1.1, 1.02), (2.02, 0.86), (2.24, 0.62), (2.2, 0.34),
    ),
    glass=frozenset({3, 5}),
    side_panes=(
        ((-1.5, 1.08), (-0.98, 1.4), (-0.3, 1.42), (-0.3, 1.06)),
        ((-0.22, 1.06), (-0.22, 1.42), (0.38, 1.42), (0.92, 1.04)),
    ),
    belt_m=1.0,
    half_width_m=0.9,
    half_roof_m=0.66,
    axles_m=(-1.36, 1.38),
)  # fmt: skip

VAN = Bodywork(
    profile=(
        (-2.5, 0.36), (-2.54, 0.8), (-2.5, 1.3), (-2.42, 2.0), (1.3, 2.06),
        (1.98, 1.28), (2.42, 1.08), (2.5, 0.7), (2.46, 0.36),
    ),
    glass=frozenset({4}),
    side_panes=(((0.5, 1.22), (0.5, 1.86), (1.22, 1.88), (1.74, 1.24)),),
    belt_m=1.15,
    half_width_m=0.95,
    half_roof_m=0.82,
    axles_m=(-1.55, 1.6),
)  # fmt: skip


def bodywork(actor: Actor) -> Bodywork:
    """Return the shape of a `car` or `van`."""
    return VAN if actor.kind == "van" else CAR


def hull(actor: Actor, t_s: float) -> list[Point]:
    """Return world points whose hull is the vehicle, for its box in the picture."""
    pose = _pose(actor, t_s)
    if pose is None:
        return []
    body = bodywork(actor)
    points = [pose.place(a, side * body.half_width_at(z), z) for a, z in body.profile for side in (-1, 1)]
    return points + [pose.place(a, side * body.half_width_m, 0.0) for a in body.axles_m for side in (-1, 1)]


def draw_vehicle(canvas: Canvas, actor: Actor, t_s: float, lit: Lit) -> None:
    """Draw a car or van, its shadow and its lights; one that stands in the street flashes its hazard lights."""
    pose = _pose(actor, t_s)
    if pose is None:
        return
    body = bodywork(actor)
    _shadow(canvas, pose, body, lit)
    seen_side = 1.0 if pose.faces_camera(canvas, (0.0, 1.0)) else -1.0
    _side(canvas, actor, pose, lit, side=seen_side)
    _shell(canvas, actor, pose, body, lit)
    _panes(canvas, pose, body, seen_side, lit)
    for end in (1.0, -1.0):
        if pose.faces_camera(canvas, (end, 0.0)):
            flashing = actor.motion(t_s)[1] == 0 and int(t_s * 2.5) % 2 == 0
            _end(canvas, pose, body, lit, end=end, flashing=flashing)


@dataclass(frozen=True, kw_only=True)
class _Pose:
    x: float
    y: float
    bearing: float

    def place(self, along: float, aside: float, up: float) -> Point:
        """Return the world point that is `along` to the nose, `aside` to the right and `up`."""
        sin, cos = math.sin(self.bearing), math.cos(self.bearing)
        return self.x + along * sin + aside * cos, self.y + along * cos - aside * sin, up

    def faces_camera(self, canvas: Canvas, normal: tuple[float, float]) -> bool:
        """Tell whether a wall of the vehicle with the normal (along, aside) can be seen."""
        middle = self.place(normal[0] * 2.2, normal[1] * 0.9, 0.8)
        outside = self.place(normal[0] * 3.2, normal[1] * 1.9, 0.8)
        nx, ny = outside[0] - middle[0], outside[1] - middle[1]
        to_x, to_y = float(canvas.view.origin[0]) - middle[0], float(canvas.view.origin[1]) - middle[1]
        return nx * to_x + ny * to_y > 0


def _pose(actor: Actor, t_s: float) -> _Pose | None:
    foot = actor.foot(t_s)
    if foot is None:
        return None
    return _Pose(x=foot[0], y=foot[1], bearing=actor.motion(t_s)[0])


def _shadow(canvas: Canvas, pose: _Pose, body: Bodywork, lit: Lit) -> None:
    tail, nose = body.profile[0][0], body.profile[-1][0]
    base = [pose.place(a, s * body.half_width_m, 0) for a in (tail, nose) for s in (-1, 1)]
    ground = canvas.view.project(base)
    canvas.darken(cv2.convexHull(ground)[:, 0], 0.55, blur_px=3)
    if lit.sun_share > 0.15:
        length = 1.25 / -lit.sun[2]
        cast = [(x + lit.sun[0] * length, y + lit.sun[1] * length, 0.0) for x, y, _ in base]
        outline = cv2.convexHull(np.concatenate([ground, canvas.view.project(cast)]))[:, 0]
        canvas.darken(np.asarray(outline, np.float32), 0.62 * lit.sun_share + 0.05, blur_px=2)


def _brightness(normal: Point, lit: Lit) -> float:
    length = math.hypot(*lit.sun)
    towards = -sum(n * s for n, s in zip(normal, lit.sun, strict=True)) / length
    return 0.78 + 0.2 * normal[2] + 0.5 * lit.sun_share * max(0.0, towards)


def _side(canvas: Canvas, actor: Actor, pose: _Pose, lit: Lit, *, side: float) -> None:
    body = bodywork(actor)
    outline = [pose.place(a, side * body.half_width_at(z), z) for a, z in body.profile]
    normal = (math.cos(pose.bearing) * side, -math.sin(pose.bearing) * side, 0.0)
    light = _brightness(normal, lit)
    canvas.polygon(outline, lit.on(actor.colour, light))
    sill = [
        pose.place(a, side * body.half_width_m, z) for a, z in ((-2.16, 0.34), (-2.18, 0.5), (2.16, 0.5), (2.14, 0.34))
    ]
    canvas.polygon(sill, lit.on(actor.colour, light * 0.62))
    crease = [
        pose.place(a, side * body.half_width_m, z) for a, z in ((-2.1, 0.8), (-2.1, 0.84), (2.0, 0.78), (2.0, 0.74))
    ]
    canvas.polygon(crease, lit.on(actor.colour, light * 1.16))
    for axle in body.axles_m:
        _wheel(canvas, pose, axle, side * body.half_width_m, lit)


def _wheel(canvas: Canvas, pose: _Pose, axle: float, aside: float, lit: Lit) -> None:
    angles = np.linspace(0, 2 * math.pi, 15)[:-1]
    for radius, colour in (
        (0.39, (18, 19, 20)),
        (_WHEEL_RADIUS_M, (34, 34, 36)),
        (0.2, (134, 138, 142)),
        (0.07, (60, 60, 62)),
    ):
        rim = [
            pose.place(axle + radius * math.cos(a), aside * 1.005, max(0.0, _WHEEL_RADIUS_M + radius * math.sin(a)))
            for a in angles
        ]
        canvas.polygon(rim, lit.on(colour))


def _shell(canvas: Canvas, actor: Actor, pose: _Pose, body: Bodywork, lit: Lit) -> None:
    """Draw the strips of bodywork between the two sides, those that face the camera, the farthest first."""
    strips = []
    for number, (start, end) in enumerate(zip(body.profile, body.profile[1:], strict=False)):
        along, up = end[0] - start[0], end[1] - start[1]
        length = math.hypot(along, up)
        local = (-up / length, along / length)  # normal in the plane of the profile, outwards
        sin, cos = math.sin(pose.bearing), math.cos(pose.bearing)
        normal = (local[0] * sin, local[0] * cos, local[1])
        middle = pose.place((start[0] + end[0]) / 2, 0.0, (start[1] + end[1]) / 2)
        to_camera = [float(c) - m for c, m in zip(canvas.view.origin, middle, strict=True)]
        if sum(n * c for n, c in zip(normal, to_camera, strict=True)) <= 0:
            continue
        strips.append((canvas.view.depth_m(*middle), number, start, end, normal))
    for _, number, start, end, normal in sorted(strips, reverse=True):
        corners = [
            pose.place(a, s * body.half_width_at(z), z) for (a, z), s in ((start, -1), (start, 1), (end, 1), (end, -1))
        ]
        canvas.polygon(corners, lit.on(actor.colour, _brightness(normal, lit)))
        if number in body.glass:
            inset = _inset(corners, 0.1)
            canvas.polygon(inset, lit.on(_GLASS))
            sheen = [inset[0], _between(inset[0], inset[1], 0.45), _between(inset[3], inset[2], 0.28), inset[3]]
            canvas.polygon(sheen, lit.on((74, 88, 102)))


def _panes(canvas: Canvas, pose: _Pose, body: Bodywork, side: float, lit: Lit) -> None:
    for pane in body.side_panes:
        canvas.polygon([pose.place(a, side * body.half_width_at(z) * 1.01, z) for a, z in pane], lit.on(_GLASS, 1.15))


def _end(canvas: Canvas, pose: _Pose, body: Bodywork, lit: Lit, *, end: float, flashing: bool) -> None:
    """Draw the lights, the number plate and the grille or bumper of the nose (1) or the tail (-1)."""
    face = 2.27 * end if body is CAR else 2.54 * end
    low, high = 0.62, 0.8
    lamp: Rgb = (236, 236, 226) if end > 0 else (176, 34, 30)
    if flashing:
        lamp = (255, 176, 48)
    for aside in (-0.72, 0.72):
        corners = [(aside - 0.17, low), (aside + 0.17, low), (aside + 0.17, high), (aside - 0.17, high)]
        canvas.polygon([pose.place(face, a, z) for a, z in corners], lamp if flashing else lit.on(lamp, 1.05))
    plate = [(-0.24, 0.46), (0.24, 0.46), (0.24, 0.6), (-0.24, 0.6)]
    canvas.polygon([pose.place(face, a, z) for a, z in plate], lit.on((44, 84, 168)))
    if end > 0:
        grille = [(-0.46, 0.62), (0.46, 0.62), (0.5, 0.76), (-0.5, 0.76)]
        canvas.polygon([pose.place(face, a, z) for a, z in grille], lit.on((30, 31, 33)))


def _between(a: Point, b: Point, share: float) -> Point:
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def _inset(corners: list[Point], share: float) -> list[Point]:
    middle = tuple(sum(corner[axis] for corner in corners) / len(corners) for axis in range(3))
    return [_between(corner, (middle[0], middle[1], middle[2]), share) for corner in corners]


def vehicle_floor(actor: Actor, t_s: float) -> Floats:
    """Return the four corners (x, y) of the ground under the vehicle, in metres; empty when it is away."""
    pose = _pose(actor, t_s)
    if pose is None:
        return np.zeros((0, 2), np.float32)
    body = bodywork(actor)
    ends = (body.profile[0][0], body.profile[-1][0])
    corners = [pose.place(a, s * body.half_width_m, 0)[:2] for a in ends for s in (-1, 1)]
    return np.array(corners, np.float32)
