"""The pinhole camera of a script: world metres to picture pixels and back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hil_tests.rig.scene.script import Script

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Pinhole:
    """A camera at `origin` with its three unit axes; `focal_px` is its focal length.

    The columns of `axes` turn a world vector into (right in the picture, down, forward); `centre` is in pixels.
    """

    width_px: int
    height_px: int
    focal_px: float
    origin: Floats
    right: Floats
    down: Floats
    forward: Floats
    mirrored: bool
    axes: Floats
    centre: Floats

    def project(self, points: ArrayLike) -> Floats:
        """Return the pixels (n, 2) of world points (n, 3); all must be in front of the camera."""
        seen = (np.asarray(points, np.float32).reshape(-1, 3) - self.origin) @ self.axes
        scale = self.focal_px / np.maximum(seen[:, 2:], 0.1)
        return np.asarray(seen[:, :2] * scale + self.centre, np.float32)

    def depth_m(self, x_m: float, y_m: float, z_m: float = 0.0) -> float:
        """Return how far a world point lies in front of the camera, in metres."""
        return float((np.array([x_m, y_m, z_m], np.float32) - self.origin) @ self.forward)

    def scale(self, x_m: float, y_m: float) -> float:
        """Return pixels per metre at a point of the ground."""
        return self.focal_px / max(self.depth_m(x_m, y_m), 0.1)

    def rays(self) -> tuple[Floats, Floats, Floats]:
        """Return the direction (x, y, z) of every pixel, each of shape (height, width)."""
        u = (np.arange(self.width_px, dtype=np.float32) + 0.5 - self.width_px / 2) / self.focal_px
        if self.mirrored:
            u = -u
        v = (np.arange(self.height_px, dtype=np.float32) + 0.5 - self.height_px / 2) / self.focal_px
        x, y, z = (
            self.forward[axis] + u[None, :] * self.right[axis] + v[:, None] * self.down[axis] for axis in range(3)
        )
        return x, y, z


def pinhole(script: Script) -> Pinhole:
    """Return the camera of `script`."""
    view = script.view
    yaw, pitch = np.radians(view.yaw_deg), np.radians(view.pitch_deg)
    forward = (np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch))
    right = (np.cos(yaw), -np.sin(yaw), 0.0)
    down = (-np.sin(pitch) * np.sin(yaw), -np.sin(pitch) * np.cos(yaw), -np.cos(pitch))
    return Pinhole(
        width_px=script.width_px,
        height_px=script.height_px,
        focal_px=float(script.width_px / 2 / np.tan(np.radians(view.fov_deg) / 2)),
        origin=np.array([view.x_m, 0.0, view.height_m], np.float32),
        right=np.array(right, np.float32),
        down=np.array(down, np.float32),
        forward=np.array(forward, np.float32),
        mirrored=script.street.mirrored,
        axes=np.array([np.negative(right) if script.street.mirrored else right, down, forward], np.float32).T.copy(),
        centre=np.array([script.width_px / 2, script.height_px / 2], np.float32),
    )
