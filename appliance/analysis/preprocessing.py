"""From a picture to a model's input tensor, as the manifest declares it, and back."""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.analysis.finding import Picture
from federation.messages import Box
from federation.packages.manifest import ModelInput


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How the picture lies in the input: x_input = x_picture * scale_x + left, and so for y; px."""

    scale_x: float
    scale_y: float
    left: float
    top: float
    width_px: int
    height_px: int

    def to_shares(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return boxes (n, 4) x1 y1 x2 y2 from input px to shares of the picture, clipped to 0..1."""
        shift = np.array([self.left, self.top] * 2, np.float32)
        size = np.array([self.scale_x * self.width_px, self.scale_y * self.height_px] * 2, np.float32)
        shares: NDArray[np.float32] = np.clip((boxes - shift) / size, 0.0, 1.0).astype(np.float32)
        return shares


def tensor_of(canvases: NDArray[np.uint8], declared: ModelInput) -> NDArray[Any]:
    """Return the input tensor of pictures (n, height, width, 3) that were `placed`: a batch of as many."""
    batch: NDArray[Any] = canvases
    if declared.color == "RGB":
        batch = batch[..., ::-1]
    if declared.layout == "NCHW":
        batch = batch.transpose(0, 3, 1, 2)
    if declared.dtype == "uint8":
        return np.ascontiguousarray(batch)
    axes = (1, 3, 1, 1) if declared.layout == "NCHW" else (1, 1, 1, 3)
    values: NDArray[Any] = np.ascontiguousarray(batch, np.float32)
    if declared.scale != 1:
        values *= np.float32(declared.scale)
    if any(declared.mean):
        values -= np.array(declared.mean, np.float32).reshape(axes)
    if declared.std != (1, 1, 1):
        values /= np.array(declared.std, np.float32).reshape(axes)
    return values.astype(np.float16) if declared.dtype == "float16" else values


def placed(picture: Picture, declared: ModelInput) -> tuple[Picture, Placement]:
    """Return the picture at the size of the model's input, and how it lies there."""
    height, width = picture.shape[:2]
    to_width, to_height = declared.size
    scale_x, scale_y = to_width / width, to_height / height
    if declared.resize == "stretch":
        canvas = cast("Picture", cv2.resize(picture, (to_width, to_height)))
        return canvas, _placement(picture, scale_x, scale_y, 0, 0)
    scale = min(scale_x, scale_y)
    inner = (max(1, int(width * scale)), max(1, int(height * scale)))
    left, top = 0, 0
    if declared.anchor == "centre":
        left, top = (to_width - inner[0]) // 2, (to_height - inner[1]) // 2
    canvas = np.full((to_height, to_width, 3), declared.pad, np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner)
    return canvas, _placement(picture, scale, scale, left, top)


def _placement(picture: Picture, scale_x: float, scale_y: float, left: int, top: int) -> Placement:
    height, width = picture.shape[:2]
    return Placement(scale_x=scale_x, scale_y=scale_y, left=left, top=top, width_px=width, height_px=height)


def crop(picture: Picture, box: Box, margin: float) -> Picture:
    """Return the part of the picture in a box with a share of its sides added around, at least a pixel."""
    height, width = picture.shape[:2]
    more_x, more_y = box.width * margin, box.height * margin
    left, top = int(max(0.0, box.x - more_x) * width), int(max(0.0, box.y - more_y) * height)
    left, top = min(left, width - 1), min(top, height - 1)
    right = max(left + 1, round(min(1.0, box.x + box.width + more_x) * width))
    bottom = max(top + 1, round(min(1.0, box.y + box.height + more_y) * height))
    return picture[top:bottom, left:right]
