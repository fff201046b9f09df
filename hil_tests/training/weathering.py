"""What stands between a street and a picture of it: clutter, light, lens, sensor and encoder, drawn from a seed."""

import dataclasses
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.random import Generator

from hil_tests.rig.scene.canvas import Canvas, Pixels
from hil_tests.rig.scene.figures import draw_box
from hil_tests.rig.scene.rendering import Stage


def cluttered(stage: Stage, random: Generator) -> Stage:
    """Return the stage with things on the ground that no label means: crates, patches, posts."""
    pixels = stage.pixels.copy()
    canvas = Canvas(pixels=pixels, view=stage.view)
    for _ in range(int(random.poisson(2.0))):
        x, y = random.uniform(-10, 12), random.uniform(7, 40)
        if stage.view.depth_m(x, y) < 4:
            continue
        red, green, blue = random.uniform(20, 235, 3)
        lit = stage.sunlight.at(x, y)
        form = random.random()
        if form < 0.4:  # flat on the ground: a lid, a stain, a painted field
            half, deep = random.uniform(0.2, 1.2), random.uniform(0.2, 1.5)
            corners = [
                (x - half, y - deep, 0),
                (x + half, y - deep, 0),
                (x + half, y + deep, 0),
                (x - half, y + deep, 0),
            ]
            canvas.polygon(corners, lit.on((red, green, blue)))
        else:  # a crate or a cabinet, or a post
            tall = random.uniform(0.9, 2.2)
            size = (random.uniform(1.0, 2.4), 0.8, tall) if form < 0.75 else (0.12, 0.12, tall * 1.6)
            draw_box(canvas, (x, y), size, (red, green, blue), lit)
    return dataclasses.replace(stage, pixels=pixels)


def weathered(picture: Pixels, random: Generator) -> Pixels:
    """Return an RGB picture as some camera would have sent it."""
    seen = _lens(_light(picture, random), random)
    return _encoder(_sensor(seen, random), random)


def _light(picture: Pixels, random: Generator) -> Pixels:
    if random.random() < 0.25:
        return picture
    gamma, gain = random.uniform(0.75, 1.35), random.uniform(0.8, 1.2)
    cast_rgb = np.exp(random.normal(0, 0.05, 3))
    levels = np.linspace(0, 1, 256)[:, None] ** gamma * gain * cast_rgb * 255
    table = np.clip(levels, 0, 255).astype(np.uint8)[None]
    lit = np.asarray(cv2.LUT(picture, table), np.uint8)
    if random.random() < 0.12:  # infrared: no colour
        grey = cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
    return lit


def _lens(picture: Pixels, random: Generator) -> Pixels:
    kind = random.random()
    if kind < 0.25:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(random.uniform(0.4, 1.6))), np.uint8)
    if kind < 0.32:  # shaken along a line
        length = int(random.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        if random.random() < 0.4:
            kernel = kernel.T
        return np.asarray(cv2.filter2D(picture, -1, kernel), np.uint8)
    return picture


def _sensor(picture: Pixels, random: Generator) -> Pixels:
    deviation = float(random.uniform(0, 2.5) if random.random() < 0.8 else random.uniform(3, 9))
    grain = random.normal(0, deviation, picture.shape[:2]).astype(np.float32)[..., None]
    return np.asarray(np.clip(picture + grain, 0, 255), np.uint8)


def _encoder(picture: Pixels, random: Generator) -> Pixels:
    kind = random.random()
    if kind < 0.45:
        return _as_h264(picture, crf=int(random.integers(20, 36)))
    if kind < 0.75:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(30, 96))]
        _, written = cv2.imencode(".jpg", picture[..., ::-1], quality)
        return np.ascontiguousarray(np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
    return picture


def _as_h264(picture: Pixels, *, crf: int) -> Pixels:
    """Return the picture as a key frame that libx264 has encoded."""
    height, width = picture.shape[:2]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuv420p", Fraction(1, 8)
    encoder.thread_count = 1
    encoder.options = {"preset": "ultrafast", "crf": str(crf), "tune": "zerolatency"}
    packets = [*encoder.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")), *encoder.encode(None)]
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    return np.asarray(frames[0].to_ndarray(format="rgb24"), np.uint8)
