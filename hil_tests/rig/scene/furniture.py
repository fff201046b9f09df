"""What stands in the street and can hide an actor: barriers, bins, benches, lamps, trees."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from hil_tests.rig.scene.canvas import Canvas, Pixels, Rect, Rgb, tone
from hil_tests.rig.scene.figures import Lit, draw_box
from hil_tests.rig.scene.script import Script

GATE_M = (16.4, 18.6)
"""Where (y) the barrier beside the pavement stands open."""

_BARRIER_M = 1.5  # length of one element


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One thing to draw, as far away as `depth_m`; `lit` is the light at its foot."""

    x_m: float
    y_m: float
    draw: Callable[[Canvas, Lit], None]


@dataclass(frozen=True, kw_only=True)
class Cover:
    """The pixels of one piece, to be laid over an actor that stands behind it."""

    depth_m: float
    rect: Rect
    pixels: Pixels
    mask: Pixels


def pieces(script: Script) -> list[Piece]:
    """Return all furniture of the street of `script`."""
    street = script.street
    found = [*_barriers(script), *_trees(script), *_lamps(script)]
    found.append(Piece(x_m=street.bin_m[0], y_m=street.bin_m[1], draw=_bin(street.bin_m)))
    found.append(Piece(x_m=street.bench_m[0], y_m=street.bench_m[1], draw=_bench(street.bench_m)))
    left, _, right, far = street.closed_area_m
    heap = (right - 1.6, far - 2.4)
    found.append(Piece(x_m=heap[0], y_m=heap[1], draw=_heap(heap, script.seed)))
    pipes = (left + 4.4, far - 0.9)
    found.append(Piece(x_m=pipes[0], y_m=pipes[1], draw=_pipes(pipes)))
    return found


def draw_furniture(canvas: Canvas, script: Script, light_at: Callable[[float, float], Lit]) -> list[Cover]:
    """Draw all furniture, the farthest first, and return the cover that each piece gives, in that order."""
    view = canvas.view
    covers = []
    for piece in sorted(pieces(script), key=lambda piece: -view.depth_m(piece.x_m, piece.y_m)):
        before = canvas.pixels.copy()
        piece.draw(canvas, light_at(piece.x_m, piece.y_m))
        # a shadow on the ground hides nobody: only what is much changed covers
        red, green, blue = cv2.split(cv2.absdiff(canvas.pixels, before))
        mask = np.asarray(cv2.threshold(cv2.add(cv2.add(red, green), blue), 40, 255, cv2.THRESH_BINARY)[1], np.uint8)
        left, top, width, height = cv2.boundingRect(mask)
        if width == 0:
            continue
        rect = (left, top, left + width, top + height)
        part = (slice(top, top + height), slice(left, left + width))
        covers.append(
            Cover(
                depth_m=view.depth_m(piece.x_m, piece.y_m),
                rect=rect,
                pixels=canvas.pixels[part].copy(),
                mask=mask[part].copy(),
            )
        )
    return covers


def _barriers(script: Script) -> list[Piece]:
    left, near, right, far = script.street.closed_area_m
    found = []
    count_y = round((far - near) / _BARRIER_M)
    for number in range(count_y):
        y = near + (far - near) * (number + 0.5) / count_y
        if GATE_M[0] <= y <= GATE_M[1]:
            continue
        half = (far - near) / count_y / 2 - 0.03
        found.append(_barrier((left, y - half), (left, y + half), number))
    count_x = round((right - left) / _BARRIER_M)
    for number in range(count_x):
        x = left + (right - left) * (number + 0.5) / count_x
        half = (right - left) / count_x / 2 - 0.03
        found.append(_barrier((x - half, far), (x + half, far), number))
        found.append(_barrier((x - half, near), (x + half, near), number + 1))
    return found


def _barrier(start: tuple[float, float], end: tuple[float, float], number: int) -> Piece:
    paint: Rgb = (206, 62, 42) if number % 2 == 0 else (226, 224, 218)

    def draw(canvas: Canvas, lit: Lit) -> None:
        foot = [(*start, 0.0), (*end, 0.0)]
        canvas.darken(
            canvas.view.project([*foot, (end[0] + 0.25, end[1] + 0.1, 0), (start[0] + 0.25, start[1] + 0.1, 0)]), 0.4
        )
        height, ledge = 0.92, 0.1
        canvas.polygon([(*start, 0), (*end, 0), (*end, height), (*start, height)], lit.on(paint, 0.88))
        band = [(*start, 0.34), (*end, 0.34), (*end, 0.58), (*start, 0.58)]
        other: Rgb = (228, 226, 220) if number % 2 == 0 else (204, 64, 44)
        canvas.polygon(band, lit.on(other, 0.9))
        top = [
            (*start, height),
            (*end, height),
            (end[0] + ledge, end[1] + ledge, height),
            (start[0] + ledge, start[1] + ledge, height),
        ]
        canvas.polygon(top, lit.on(paint, 1.15))

    return Piece(x_m=(start[0] + end[0]) / 2, y_m=(start[1] + end[1]) / 2, draw=draw)


def _bin(at: tuple[float, float]) -> Callable[[Canvas, Lit], None]:
    def draw(canvas: Canvas, lit: Lit) -> None:
        x, y = at
        draw_box(canvas, (x, y), (0.95, 0.6, 1.0), (44, 104, 74), lit)
        near = y - 0.3
        for side, paint in ((-0.24, (34, 84, 142)), (0.24, (120, 124, 124))):
            panel = [
                (x + side - 0.18, near, 0.16),
                (x + side + 0.18, near, 0.16),
                (x + side + 0.18, near, 0.66),
                (x + side - 0.18, near, 0.66),
            ]
            canvas.polygon(panel, lit.on(paint, 0.95))
            slot = [
                (x + side - 0.15, near, 0.76),
                (x + side + 0.15, near, 0.76),
                (x + side + 0.15, near, 0.9),
                (x + side - 0.15, near, 0.9),
            ]
            canvas.polygon(slot, lit.on((22, 24, 24)))

    return draw


def _bench(at: tuple[float, float]) -> Callable[[Canvas, Lit], None]:
    def draw(canvas: Canvas, lit: Lit) -> None:
        x, y = at
        canvas.darken(
            canvas.view.project(
                [(x - 0.35, y - 0.9, 0), (x + 0.35, y - 0.9, 0), (x + 0.35, y + 0.9, 0), (x - 0.35, y + 0.9, 0)]
            ),
            0.35,
        )
        for end in (0.8, -0.8):
            canvas.polygon(
                [(x - 0.2, y + end, 0), (x - 0.12, y + end, 0), (x - 0.12, y + end, 0.44), (x - 0.2, y + end, 0.44)],
                lit.on((52, 54, 56)),
            )
            canvas.polygon(
                [(x + 0.14, y + end, 0), (x + 0.22, y + end, 0), (x + 0.22, y + end, 0.44), (x + 0.14, y + end, 0.44)],
                lit.on((52, 54, 56)),
            )
        for slat in range(4):
            low = x - 0.22 + slat * 0.115
            canvas.polygon(
                [
                    (low, y - 0.9, 0.45),
                    (low + 0.095, y - 0.9, 0.45),
                    (low + 0.095, y + 0.9, 0.45),
                    (low, y + 0.9, 0.45),
                ],
                lit.on((150, 106, 66)),
            )

    return draw


def _heap(at: tuple[float, float], seed: int) -> Callable[[Canvas, Lit], None]:
    def draw(canvas: Canvas, lit: Lit) -> None:
        random = np.random.default_rng(seed)
        x, y = at
        for layer in range(26):
            share = layer / 25
            half = 1.35 * (1 - share) ** 0.8
            turns = np.linspace(0, 2 * math.pi, 18)[:-1]
            rough = random.uniform(0.92, 1.08, len(turns))
            ring = [
                (x + half * r * math.cos(a), y + half * r * math.sin(a), 1.05 * share)
                for a, r in zip(turns, rough, strict=True)
            ]
            canvas.polygon(ring, lit.on((186, 160, 116), 0.72 + 0.36 * share))

    return draw


def _pipes(at: tuple[float, float]) -> Callable[[Canvas, Lit], None]:
    def draw(canvas: Canvas, lit: Lit) -> None:
        x, y = at
        for row, count in ((0, 3), (1, 2)):
            for number in range(count):
                middle = x + (number - (count - 1) / 2) * 0.62
                z = 0.31 + row * 0.54
                turns = np.linspace(0, 2 * math.pi, 21)[:-1]
                for radius, paint in ((0.31, (164, 162, 156)), (0.21, (62, 62, 60))):
                    ring = [(middle + radius * math.cos(a), y - 0.8, z + radius * math.sin(a)) for a in turns]
                    if radius > 0.3:
                        back = [(middle + radius * math.cos(a), y + 0.8, z + radius * math.sin(a)) for a in turns]
                        canvas.polygon([back[0], back[5], ring[5], ring[0]], lit.on(paint, 1.0))
                        canvas.polygon([back[10], back[5], ring[5], ring[10]], lit.on(paint, 1.08))
                    canvas.polygon(ring, lit.on(paint, 0.92))

    return draw


def _lamps(script: Script) -> list[Piece]:
    left, right = script.street.road_x_m
    places = ((left - 0.7, 1.0, 24.5), (right + 0.7, -1.0, 26.0), (left - 0.7, 1.0, 47.0), (right + 0.7, -1.0, 49.0))
    return [Piece(x_m=x, y_m=y, draw=_lamp(x, y, arm, glows=script.light.lamps)) for x, arm, y in places]


def _lamp(x: float, y: float, arm: float, *, glows: bool) -> Callable[[Canvas, Lit], None]:
    def draw(canvas: Canvas, lit: Lit) -> None:
        foot, top = canvas.view.project([(x, y, 0), (x, y, 7.2)])
        width = canvas.view.scale(x, y)
        canvas.limb_px(foot, top, (max(2.0, 0.17 * width), max(1.5, 0.11 * width)), lit.on((112, 116, 118), 0.9))
        tip = canvas.view.project([(x + 1.7 * arm, y, 7.5)])[0]
        canvas.limb_px(top, tip, (max(1.5, 0.11 * width), max(1.5, 0.08 * width)), lit.on((112, 116, 118)))
        head = canvas.view.project(
            [(x + 1.2 * arm, y, 7.5), (x + 2.1 * arm, y, 7.55), (x + 2.1 * arm, y, 7.42), (x + 1.2 * arm, y, 7.36)]
        )
        canvas.polygon_px(head, (255, 236, 190) if glows else lit.on((176, 178, 176)))

    return draw


def _trees(script: Script) -> list[Piece]:
    return [
        Piece(x_m=x, y_m=y, draw=_tree(x, y, script.seed * 31 + number))
        for number, (x, y) in enumerate(script.street.trees_m)
    ]


def _tree(x: float, y: float, seed: int) -> Callable[[Canvas, Lit], None]:
    def draw(canvas: Canvas, lit: Lit) -> None:
        random = np.random.default_rng(seed)
        scale = canvas.view.scale(x, y)
        pit = [(x - 0.55, y - 0.55, 0), (x + 0.55, y - 0.55, 0), (x + 0.55, y + 0.55, 0), (x - 0.55, y + 0.55, 0)]
        canvas.polygon(pit, lit.on((92, 76, 60)))
        foot, fork, crown = canvas.view.project([(x, y, 0), (x + 0.08, y, 2.6), (x, y, 4.5)])
        canvas.limb_px(foot, fork, (0.3 * scale, 0.2 * scale), lit.on((96, 80, 66), 0.9))
        canvas.limb_px(fork, crown, (0.2 * scale, 0.1 * scale), lit.on((88, 74, 60), 0.85))
        side = -math.copysign(1.0, lit.sun[0]) * (-1.0 if canvas.view.mirrored else 1.0)
        for number in range(520):
            depth = number / 520
            angle, reach = random.uniform(0, 2 * math.pi), math.sqrt(random.uniform(0, 1))
            right, up = 1.65 * reach * math.cos(angle), 1.5 * reach * math.sin(angle)
            right, up = right + side * 0.3 * depth, up + 0.42 * depth - 0.15
            size = float(random.uniform(0.1, 0.26)) * (1.15 - 0.45 * depth)
            middle = crown + np.array([right * scale, -up * scale * 0.95], np.float32)
            leaf = (58 + 34 * depth, 92 + 46 * depth, 42 + 12 * depth)
            factor = float(random.uniform(0.72, 1.12)) * (0.62 + 0.5 * depth + 0.12 * up / 1.5)
            radii = (max(1.0, size * scale), max(1.0, size * scale * 0.72))
            canvas.disc_px(
                (float(middle[0]), float(middle[1])), radii, lit.on(tone(leaf, factor)), float(random.uniform(0, 180))
            )

    return draw
