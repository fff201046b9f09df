"""How actors look: people, bags, litter and smoke, and how much room each takes in the picture."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from hil_tests.rig.scene.canvas import Canvas, Rgb, bounds, tone
from hil_tests.rig.scene.geometry import Floats, Pinhole
from hil_tests.rig.scene.script import Actor

SKIN: Rgb = (206, 164, 136)
STEP_M = 0.72  # length of one step

BAG_M = (0.62, 0.34, 0.66)  # width, depth, height of a dropped bag
LITTER_SECONDS_PER_PIECE = 0.8


@dataclass(frozen=True, kw_only=True)
class Lit:
    """The light where an actor stands: colour factors, how much of the sun is there, and where it goes."""

    factors: tuple[float, float, float]
    sun_share: float
    sun: tuple[float, float, float]

    def on(self, colour: Rgb, factor: float = 1.0) -> Rgb:
        """Return `colour` as it looks in this light."""
        red, green, blue = (part * light * factor for part, light in zip(colour, self.factors, strict=True))
        return red, green, blue


def draw_person(canvas: Canvas, actor: Actor, t_s: float, lit: Lit) -> None:
    """Draw a walking or standing person."""
    foot = actor.foot(t_s)
    if foot is None:
        return
    bearing, speed = actor.motion(t_s)
    body = _Body(canvas, actor, foot, bearing, lit)
    body.draw(phase=_walked_m(actor, t_s) / STEP_M * math.pi if speed > 0 else 0.0, walking=speed > 0)
    if actor.carries_bag and actor.carries_bag[0] <= t_s < actor.carries_bag[1]:
        body.draw_bag()


def _walked_m(actor: Actor, t_s: float) -> float:
    walked = 0.0
    for start, end in zip(actor.path, actor.path[1:], strict=False):
        length = math.hypot(end.x_m - start.x_m, end.y_m - start.y_m)
        if t_s >= end.t_s:
            walked += length
        elif t_s > start.t_s:
            walked += length * (t_s - start.t_s) / (end.t_s - start.t_s)
    return walked


class _Body:
    """A person in the plane that faces the camera: metres to the right of the foot and up from it."""

    def __init__(self, canvas: Canvas, actor: Actor, foot: tuple[float, float], bearing: float, lit: Lit) -> None:
        self._canvas = canvas
        self._actor = actor
        self._lit = lit
        self._foot_m = foot
        view = canvas.view
        low, high = view.project([(*foot, 0.0), (*foot, actor.height_m)])
        self._foot = low
        self._up = (high - low) / 1.7  # one unit of the 1.7 m body plan
        self._unit = float(np.hypot(*self._up))
        across = _side_ways(view, foot, bearing)
        self._profile = abs(across)
        self._ahead = math.copysign(1.0, across)
        self._sun_side = math.copysign(1.0, -lit.sun[0]) * (-1.0 if view.mirrored else 1.0)

    def draw(self, *, phase: float, walking: bool) -> None:
        self._shadow()
        swing = math.sin(phase) * (1.0 if walking else 0.0)
        self._leg(-swing, far=True)
        self._arm(swing, far=True)
        self._leg(swing, far=False)
        self._torso()
        self._arm(-swing, far=False)
        self._head(0.02 * abs(math.cos(phase)) if walking else 0.0)

    def draw_bag(self) -> None:
        side = 0.27 * (1 if self._profile < 0.5 else 0.2)
        corners = [(side - 0.2, 0.72), (side + 0.2, 0.72), (side + 0.24, 0.22), (side - 0.24, 0.22)]
        self._shape(corners, self._actor.second_colour if self._actor.kind == "bag" else (44, 58, 96))
        self._shape([(side - 0.2, 0.72), (side + 0.2, 0.72), (side + 0.2, 0.64), (side - 0.2, 0.64)], (70, 86, 130))

    def _at(self, right: float, up: float) -> Floats:
        return np.asarray(self._foot + self._up * up + np.array([right * self._unit, 0.0], np.float32), np.float32)

    def _shape(self, corners: list[tuple[float, float]], colour: Rgb, factor: float = 1.0) -> None:
        self._canvas.polygon_px([self._at(*corner) for corner in corners], self._lit.on(colour, factor))

    def _limb(
        self, start: tuple[float, float], end: tuple[float, float], widths: tuple[float, float], colour: Rgb
    ) -> None:
        scaled = (max(1.0, widths[0] * self._unit), max(1.0, widths[1] * self._unit))
        self._canvas.limb_px(self._at(*start), self._at(*end), scaled, colour)

    def _leg(self, swing: float, *, far: bool) -> None:
        colour = self._lit.on(self._actor.second_colour, 0.78 if far else 1.0)
        hip = 0.075 * (1 - self._profile) * (-1 if far else 1)
        reach = 0.36 * swing * self._ahead * self._profile
        lift = 0.09 * max(0.0, -swing) + 0.05 * abs(swing) * (1 - self._profile) * (swing > 0)
        knee = (hip + reach * 0.42 + 0.05 * self._ahead * self._profile * (swing < 0), 0.45 + lift * 0.5)
        heel = (hip + reach - 0.1 * self._ahead * self._profile * (swing < -0.2), 0.06 + lift)
        self._limb((hip, 0.88), knee, (0.17, 0.135), colour)
        self._limb(knee, heel, (0.13, 0.09), colour)
        toe = (heel[0] + 0.12 * self._ahead * self._profile, heel[1] - 0.03)
        self._limb((heel[0] - 0.03 * self._ahead, heel[1] - 0.02), toe, (0.09, 0.07), self._lit.on((38, 36, 36)))

    def _arm(self, swing: float, *, far: bool) -> None:
        width = 0.2 * (1 - self._profile) + 0.015
        shoulder = (width * (-1 if far else 1), 1.37)
        reach = 0.26 * swing * self._ahead * self._profile
        elbow = (shoulder[0] * 1.12 + reach * 0.4, 1.1)
        hand = (shoulder[0] * 1.15 + reach + 0.04 * self._ahead * self._profile, 0.86)
        sleeve = self._lit.on(self._actor.colour, 0.74 if far else 0.92)
        self._limb(shoulder, elbow, (0.115, 0.095), sleeve)
        self._limb(elbow, hand, (0.095, 0.07), sleeve)
        centre = self._at(*hand)
        radius = max(0.8, 0.045 * self._unit)
        self._canvas.disc_px((float(centre[0]), float(centre[1])), (radius, radius), self._lit.on(SKIN))

    def _torso(self) -> None:
        shoulder = 0.225 - 0.075 * self._profile
        waist = 0.165 - 0.04 * self._profile
        outline = [
            (-waist, 0.82), (-shoulder * 0.93, 1.16), (-shoulder, 1.36), (-0.09, 1.46),
            (0.09, 1.46), (shoulder, 1.36), (shoulder * 0.93, 1.16), (waist, 0.82),
        ]  # fmt: skip
        self._shape(outline, self._actor.colour)
        bright = self._sun_side
        half = [(bright * abs(right), up) for right, up in outline[:4]] + [(0.02 * bright, 1.46), (0.04 * bright, 0.82)]
        self._shape(half, self._actor.colour, 1.0 + 0.16 * self._lit.sun_share)

    def _head(self, bob: float) -> None:
        self._limb((0.0, 1.42), (0.01 * self._ahead, 1.5 + bob), (0.11, 0.1), self._lit.on(SKIN, 0.85))
        centre = self._at(0.02 * self._ahead * self._profile, 1.585 + bob)
        radii = (max(1.2, 0.098 * self._unit), max(1.4, 0.125 * self._unit))
        self._canvas.disc_px((float(centre[0]), float(centre[1])), radii, self._lit.on(SKIN))
        hair = self._at(-0.015 * self._ahead * self._profile, 1.625 + bob)
        hat = self._actor.colour[0] > 200 and self._actor.colour[1] < 150  # high-visibility vest: a helmet too
        colour = (222, 186, 48) if hat else (36, 30, 28)
        self._canvas.disc_px((float(hair[0]), float(hair[1])), (radii[0] * 1.06, radii[1] * 0.78), self._lit.on(colour))

    def _shadow(self) -> None:
        x, y = self._foot_m
        length = self._actor.height_m / -self._lit.sun[2]
        end = (x + self._lit.sun[0] * length, y + self._lit.sun[1] * length)
        if self._lit.sun_share > 0.15:
            self._canvas.darken(self._ground_bar((x, y), end, 0.2), 0.62 * self._lit.sun_share + 0.08)
        else:
            self._canvas.darken(self._ground_bar((x - 0.22, y), (x + 0.22, y), 0.16), 0.28)

    def _ground_bar(self, start: tuple[float, float], end: tuple[float, float], half_m: float) -> Floats:
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = max(math.hypot(dx, dy), 1e-3)
        nx, ny = -dy / length * half_m, dx / length * half_m
        return self._canvas.view.project(
            [
                (start[0] + nx * 0.6, start[1] + ny * 0.6, 0),
                (end[0] + nx, end[1] + ny, 0),
                (end[0] - nx, end[1] - ny, 0),
                (start[0] - nx * 0.6, start[1] - ny * 0.6, 0),
            ]
        )


def _side_ways(view: Pinhole, foot: tuple[float, float], bearing: float) -> float:
    """Return how much of a step goes to the right of the picture, -1 to 1."""
    ahead = (foot[0] + 0.5 * math.sin(bearing), foot[1] + 0.5 * math.cos(bearing), 0.0)
    step = view.project([(*foot, 0.0), ahead])
    return float(np.clip((step[1][0] - step[0][0]) / (0.5 * view.scale(*foot)), -1, 1))


def box_corners(x: float, y: float, size: tuple[float, float, float]) -> list[tuple[float, float, float]]:
    """Return the eight corners of a box that stands on the ground with its middle at (x, y)."""
    half_x, half_y = size[0] / 2, size[1] / 2
    return [(x + i * half_x, y + j * half_y, k * size[2]) for k in (0, 1) for j in (-1, 1) for i in (-1, 1)]


def draw_box(canvas: Canvas, at: tuple[float, float], size: tuple[float, float, float], colour: Rgb, lit: Lit) -> None:
    """Draw the near side, the visible flank and the top of a box."""
    x, y = at
    c = box_corners(x, y, size)
    ground = canvas.view.project([c[0], c[1], c[3], c[2]])
    canvas.darken(ground + np.array([0, 1.5], np.float32), 0.35)
    flank = (c[1], c[3], c[7], c[5]) if x < canvas.view.origin[0] else (c[0], c[2], c[6], c[4])
    canvas.polygon(flank, lit.on(colour, 0.74))
    canvas.polygon((c[0], c[1], c[5], c[4]), lit.on(colour, 0.9))
    canvas.polygon((c[4], c[5], c[7], c[6]), lit.on(colour, 1.18))


def draw_bag(canvas: Canvas, actor: Actor, t_s: float, lit: Lit) -> None:
    """Draw a bag that stands on the ground."""
    foot = actor.foot(t_s)
    if foot is None:
        return
    x, y = foot
    length = 0.6 / -lit.sun[2]
    shadow = [(x - 0.3, y, 0), (x + 0.3, y, 0), (x + 0.3 + lit.sun[0] * length, y + lit.sun[1] * length, 0)]
    canvas.darken(canvas.view.project(shadow), 0.5 * lit.sun_share)
    draw_box(canvas, (x, y), (BAG_M[0], BAG_M[1], BAG_M[2] * 0.85), actor.colour, lit)
    near, z = y - BAG_M[1] / 2, BAG_M[2] * 0.85
    for left in (-0.2, 0.12):
        canvas.polygon(
            [(x + left, near, 0.05), (x + left + 0.08, near, 0.05), (x + left + 0.08, near, z), (x + left, near, z)],
            lit.on(actor.second_colour),
        )
    canvas.polygon(
        [(x - 0.16, y, z), (x + 0.16, y, z), (x + 0.13, y, BAG_M[2]), (x - 0.13, y, BAG_M[2])],
        lit.on(actor.second_colour, 0.8),
    )


def litter_pieces(actor: Actor, t_s: float) -> list[tuple[float, float, float, float, Rgb]]:
    """Return the pieces (x, y, z, size in metres, colour) that lie at and on an overflowing bin at `t_s`."""
    foot = actor.foot(t_s)
    if foot is None:
        return []
    random = np.random.default_rng(len(actor.name) * 7919 + round(foot[0] * 100))
    start, end = actor.span_s
    grown = (t_s - start) / LITTER_SECONDS_PER_PIECE
    left = (end - t_s) / 0.5
    count = int(max(0.0, min(grown, left, 16.0)))
    paints: list[Rgb] = [(34, 36, 40), (226, 226, 220), (62, 92, 150), (190, 160, 112), (170, 48, 44), (46, 48, 52)]
    pieces = []
    for number in range(count):
        on_top = number < 5
        spread = 0.32 if on_top else 0.85
        x = foot[0] + float(random.uniform(-spread, spread))
        y = foot[1] + (float(random.uniform(-0.2, 0.2)) if on_top else -0.55 - float(random.uniform(0.0, 0.5)))
        z = 1.08 + 0.1 * number if on_top else 0.0
        size = float(random.uniform(0.26, 0.46))
        pieces.append((x, y, z, size, paints[int(random.integers(len(paints)))]))
    return sorted(pieces, key=lambda piece: -piece[1])


def draw_litter(canvas: Canvas, actor: Actor, t_s: float, lit: Lit) -> None:
    """Draw bags and boxes on and around a bin, more with every second."""
    for x, y, z, size, colour in litter_pieces(actor, t_s):
        centre = canvas.view.project([(x, y, z + size * 0.45)])[0]
        radius = size * canvas.view.scale(x, y) * 0.62
        if z == 0:
            low = canvas.view.project([(x, y, 0)])[0]
            canvas.disc_px((float(low[0]), float(low[1])), (radius, radius * 0.4), lit.on((52, 50, 50)))
        canvas.disc_px((float(centre[0]), float(centre[1])), (radius, radius * 0.82), lit.on(colour, 0.85))
        shine = (float(centre[0]) - radius * 0.25, float(centre[1]) - radius * 0.28)
        canvas.disc_px(shine, (radius * 0.5, radius * 0.36), lit.on(colour, 1.25))
        knot = canvas.view.project([(x, y, z + size * 0.95)])[0]
        canvas.disc_px((float(knot[0]), float(knot[1])), (radius * 0.16, radius * 0.22), lit.on(colour, 0.7))


def smoke_puffs(actor: Actor, t_s: float) -> list[tuple[float, float, float, float, float]]:
    """Return the puffs (x, y, z, radius in metres, strength 0 to 1) that are in the air at `t_s`."""
    start, end = actor.span_s
    foot = actor.foot(t_s)
    if foot is None:
        return []
    source_stops = end - 7.0
    puffs = []
    for number in range(max(0, int((t_s - start) / 0.3) - 24), int((t_s - start) / 0.3) + 1):
        born = start + number * 0.3
        age = t_s - born
        if not 0 <= age < 7.0 or born > source_stops:
            continue
        turn = math.sin(number * 12.9898) * 43758.5453 % 1.0 - 0.5
        x = foot[0] + 0.16 * age * (1 + turn) + 0.25 * math.sin(1.7 * age + 6 * turn)
        z = 1.0 + 0.85 * age + 0.4 * turn * age * 0.5
        strength = min(1.0, age / 0.8) * max(0.0, 1 - age / 7.0) * 0.72 * min(1.0, (born - start) / 3 + 0.35)
        puffs.append((x, foot[1], z, 0.22 + 0.22 * age * (1 + 0.4 * turn), strength))
    return puffs


def draw_smoke(canvas: Canvas, actor: Actor, t_s: float, lit: Lit) -> None:
    """Draw a rising plume as one soft veil."""
    puffs = smoke_puffs(actor, t_s)
    if not puffs:
        return
    view = canvas.view
    centres = view.project([(x, y, z) for x, y, z, _, _ in puffs])
    radii = [radius * view.scale(x, y) for x, y, _, radius, _ in puffs]
    rect = _round_rect(centres, radii)
    step = 4
    height, width = max(2, (rect[3] - rect[1]) // step), max(2, (rect[2] - rect[0]) // step)
    clear = np.ones((height, width), np.float32)
    for centre, radius, puff in zip(centres, radii, puffs, strict=True):
        disc = np.zeros((height, width), np.uint8)
        middle = (round((float(centre[0]) - rect[0]) / step * 16), round((float(centre[1]) - rect[1]) / step * 16))
        cv2.circle(disc, middle, max(8, round(radius * 0.72 / step * 16)), 255, cv2.FILLED, cv2.LINE_AA, 4)
        clear *= 1 - disc * np.float32(puff[4] * 0.8 / 255)
    alpha = cv2.GaussianBlur(1 - clear, (0, 0), max(1.0, max(radii) * 0.16 / step))
    canvas.veil(rect, np.asarray(alpha, np.float32), lit.on(tone((196, 194, 192), 0.95)))


def _round_rect(centres: Floats, radii: list[float]) -> tuple[int, int, int, int]:
    reach = np.array(radii, np.float32)[:, None]
    return bounds(np.concatenate([centres - reach, centres + reach]))
