"""A script: one camera's street, who moves through it, and what happens there, as plain values.

World coordinates are metres: x to the right, y away from the camera, z up, the ground at z = 0. A mirrored street is
told in the same coordinates and turned left to right only when it is shown.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Literal

HappeningKind = Literal["area_intrusion", "left_object", "illegal_stop", "smoke", "bin_overflow"]
ActorKind = Literal["person", "car", "van", "bag", "smoke", "litter"]
Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

DRAWING_VERSION = 1
"""Raised when the same script is drawn in another way, so that no old clip is taken from a cache."""


@dataclass(frozen=True, kw_only=True)
class Waypoint:
    """Where an actor's foot is at `t_s` seconds of the script; between waypoints it moves straight."""

    t_s: float
    x_m: float
    y_m: float


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Someone or something that is in the scene from its first waypoint to its last."""

    name: str
    kind: ActorKind
    path: tuple[Waypoint, ...]
    colour: Colour
    second_colour: Colour = (40, 44, 52)
    height_m: float = 1.7
    carries_bag: tuple[float, float] | None = None
    """Script seconds from and to which a person has a bag in the hand."""

    @property
    def span_s(self) -> tuple[float, float]:
        """Script seconds at which the actor comes and goes."""
        return self.path[0].t_s, self.path[-1].t_s

    def foot(self, t_s: float) -> tuple[float, float] | None:
        """Return (x, y) in metres at `t_s`, or None when the actor is not in the scene."""
        if not self.path[0].t_s <= t_s < self.path[-1].t_s:
            return None
        for start, end in zip(self.path, self.path[1:], strict=False):
            if t_s < end.t_s:
                share = (t_s - start.t_s) / (end.t_s - start.t_s)
                return start.x_m + share * (end.x_m - start.x_m), start.y_m + share * (end.y_m - start.y_m)
        return None

    def motion(self, t_s: float) -> tuple[float, float]:
        """Return (bearing, speed) at `t_s`: radians from +y towards +x, and metres per second.

        Who stands keeps the bearing of the last step, or has that of the first one.
        """
        bearing, known = 0.0, False
        for start, end in zip(self.path, self.path[1:], strict=False):
            dx, dy = end.x_m - start.x_m, end.y_m - start.y_m
            speed = math.hypot(dx, dy) / max(end.t_s - start.t_s, 1e-6)
            past = end.t_s <= t_s
            if speed > 0.01 and (not known or start.t_s <= t_s):
                bearing, known = math.atan2(dx, dy), True
            if not past and start.t_s <= t_s:
                return bearing, speed if speed > 0.01 else 0.0
        return bearing, 0.0


@dataclass(frozen=True, kw_only=True)
class Region:
    """A part of the ground that an algorithm watches: its corners in metres."""

    name: str
    kind: HappeningKind
    corners_m: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Happening:
    """What ought to be reported: `actor` does `kind` in `region` from `t_start_s` to `t_end_s` of the script."""

    kind: HappeningKind
    actor: str
    region: str
    t_start_s: float
    t_end_s: float


@dataclass(frozen=True, kw_only=True)
class View:
    """Where the camera hangs and looks. Angles in degrees; yaw to the right, pitch down, `fov_deg` horizontal."""

    x_m: float = 0.0
    height_m: float = 7.8
    yaw_deg: float = 5.0
    pitch_deg: float = 17.0
    fov_deg: float = 68.0


@dataclass(frozen=True, kw_only=True)
class Light:
    """Time of day and weather. The sun shines along `sun` (x, y, z down); `haze` and `warmth` are shares."""

    sun: tuple[float, float, float] = (0.55, 0.35, -1.0)
    sun_share: float = 0.45
    brightness: float = 1.0
    warmth: float = 0.0
    haze: float = 0.25
    lamps: bool = False


@dataclass(frozen=True, kw_only=True)
class Street:
    """The fixed parts of the scene, in metres. The closed area and the bay are rectangles (left, near, right, far)."""

    mirrored: bool = False
    road_x_m: tuple[float, float] = (-5.5, 4.5)
    pavement_m: float = 4.0
    closed_area_m: tuple[float, float, float, float] = (8.6, 14.0, 14.5, 23.0)
    bay_m: tuple[float, float, float, float] = (1.9, 17.0, 4.3, 24.0)
    bin_m: tuple[float, float] = (-6.4, 17.0)
    bench_m: tuple[float, float] = (-8.3, 22.0)
    zebra_y_m: float = 32.0
    trees_m: tuple[tuple[float, float], ...] = ((-6.2, 27.0), (-6.2, 38.0), (5.4, 29.0), (5.4, 40.0))
    facades: tuple[Colour, ...] = ((176, 150, 128), (150, 158, 164), (188, 176, 150), (160, 118, 100))


@dataclass(frozen=True, kw_only=True)
class Script:
    """One camera: its street, its actors and its happenings, repeated every `loop_s` seconds."""

    name: str
    name_zh: str
    name_en: str
    seed: int
    loop_s: float = 60.0
    fps: int = 8
    width_px: int = 960
    height_px: int = 540
    view: View = View()
    light: Light = Light()
    street: Street = Street()
    regions: tuple[Region, ...] = ()
    actors: tuple[Actor, ...] = ()
    happenings: tuple[Happening, ...] = ()

    @property
    def frame_count(self) -> int:
        """Pictures in one round."""
        return round(self.loop_s * self.fps)

    def digest(self) -> str:
        """Return 16 hexadecimal digits that change whenever the pictures or the truth would."""
        text = json.dumps([DRAWING_VERSION, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def actor(self, name: str) -> Actor:
        """Return the actor called `name`; raise KeyError if there is none."""
        return {actor.name: actor for actor in self.actors}[name]

    def region(self, name: str) -> Region:
        """Return the region called `name`; raise KeyError if there is none."""
        return {region.name: region for region in self.regions}[name]
