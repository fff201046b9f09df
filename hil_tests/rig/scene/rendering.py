"""From a script to its pictures: the backdrop once, then the actors of every frame over it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from hil_tests.rig.footage.writer import Picture
from hil_tests.rig.scene.backdrop import Noise, buildings, ground_shadow, paint_backdrop, shade
from hil_tests.rig.scene.canvas import Canvas, Pixels, Rect, bounds
from hil_tests.rig.scene.figures import Lit, draw_bag, draw_litter, draw_person, draw_smoke
from hil_tests.rig.scene.furniture import Cover, draw_furniture
from hil_tests.rig.scene.geometry import Pinhole, pinhole
from hil_tests.rig.scene.script import Actor, ActorKind, Script
from hil_tests.rig.scene.truth import extent_px
from hil_tests.rig.scene.vehicles import draw_vehicle

_GRAINS = 7  # pictures of sensor noise that take turns; prime, so that they do not beat with the key frames

_DRAW: dict[ActorKind, Callable[[Canvas, Actor, float, Lit], None]] = {
    "person": draw_person,
    "car": draw_vehicle,
    "van": draw_vehicle,
    "bag": draw_bag,
    "smoke": draw_smoke,
    "litter": draw_litter,
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The empty scene, ready for actors: its RGB pixels and what hides an actor, the farthest first."""

    script: Script
    view: Pinhole
    pixels: Pixels
    covers: tuple[Cover, ...]
    sunlight: "Sunlight"


def build_stage(script: Script) -> Stage:
    """Paint the empty scene of `script`; takes about a second."""
    view = pinhole(script)
    backdrop = cv2.GaussianBlur(paint_backdrop(script), (0, 0), 0.55)
    canvas = Canvas(pixels=np.clip(backdrop, 0, 255).astype(np.uint8), view=view)
    sunlight = Sunlight(script)
    covers = draw_furniture(canvas, script, sunlight.at)
    return Stage(script=script, view=view, pixels=canvas.pixels, covers=tuple(covers), sunlight=sunlight)


def draw_frame(stage: Stage, t_s: float) -> Pixels:
    """Return the RGB picture at `t_s` seconds of the script, without sensor noise."""
    canvas = Canvas(pixels=stage.pixels.copy(), view=stage.view)
    present = [
        (_depth_m(stage.view, actor, t_s), actor) for actor in stage.script.actors if actor.foot(t_s) is not None
    ]
    touched: list[Rect] = []
    waiting = list(stage.covers)
    for depth, actor in sorted(present, key=lambda pair: -pair[0]):
        while waiting and waiting[0].depth_m > depth:
            _lay_over(canvas, waiting.pop(0), touched)
        foot = actor.foot(t_s)
        if foot is not None:
            _DRAW[actor.kind](canvas, actor, t_s, stage.sunlight.at(*foot))
            box = extent_px(stage.view, actor, t_s)
            if box is not None:
                touched.append(bounds(np.array(box).reshape(2, 2), margin_px=4))
    for cover in waiting:
        _lay_over(canvas, cover, touched)
    return canvas.pixels


def pictures(script: Script) -> Iterator[Picture]:
    """Yield every picture of one round as I420 planes, with sensor noise and a light that breathes."""
    stage = build_stage(script)
    height = script.height_px
    grains = _grains(script)
    for number in range(script.frame_count):
        t_s = number / script.fps
        planes = np.asarray(cv2.cvtColor(draw_frame(stage, t_s), cv2.COLOR_RGB2YUV_I420), np.uint8)
        breath = 1 + 0.012 * np.sin(2 * np.pi * t_s / script.loop_s)
        luma = cv2.addWeighted(planes[:height], float(breath), grains[number % _GRAINS], 1.0, -8.0)
        planes[:height] = luma
        yield planes


def _grains(script: Script) -> list[Pixels]:
    """Return pictures of sensor noise around 8."""
    random = np.random.default_rng(script.seed)
    deviation = 1.0 if script.light.brightness > 0.7 else 1.8
    shape = (script.height_px, script.width_px)
    return [np.clip(random.normal(8, deviation, shape), 0, 16).round().astype(np.uint8) for _ in range(_GRAINS)]


def _depth_m(view: Pinhole, actor: Actor, t_s: float) -> float:
    foot = actor.foot(t_s)
    if foot is None:
        return 0.0
    nearer = 0.6 if actor.kind in ("smoke", "litter") else 0.0  # they lie on the near side of what they come from
    return view.depth_m(foot[0], foot[1] - nearer)


class Sunlight:
    """The light at every place of the ground, worked out once on a grid of half metres."""

    _ORIGIN_M = (-20.0, 0.0)
    _STEP_M = 0.5

    def __init__(self, script: Script) -> None:
        self._light = script.light
        across = np.arange(96, dtype=np.float32) * self._STEP_M + self._ORIGIN_M[0]
        along = np.arange(200, dtype=np.float32) * self._STEP_M + self._ORIGIN_M[1]
        x, y = np.meshgrid(across, along)
        self._shadow = ground_shadow(x, y, script.light, buildings(script), Noise(script.seed))

    def at(self, x_m: float, y_m: float) -> Lit:
        """Return the light at a place of the ground."""
        column = min(max(round((x_m - self._ORIGIN_M[0]) / self._STEP_M), 0), self._shadow.shape[1] - 1)
        row = min(max(round((y_m - self._ORIGIN_M[1]) / self._STEP_M), 0), self._shadow.shape[0] - 1)
        shadow = float(self._shadow[row, column])
        red, green, blue = shade(self._light, 1.0, shadow)
        return Lit(
            factors=(float(red), float(green), float(blue)),
            sun_share=self._light.sun_share * (1 - shadow),
            sun=self._light.sun,
        )


def _lay_over(canvas: Canvas, cover: Cover, touched: list[Rect]) -> None:
    if not any(_overlap(cover.rect, rect) for rect in touched):
        return
    left, top, right, bottom = cover.rect
    part = canvas.pixels[top:bottom, left:right]
    cv2.copyTo(cover.pixels, cover.mask, part)


def _overlap(one: Rect, two: Rect) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]
