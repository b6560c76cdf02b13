"""A camera on a pole over flat ground: metres in, pixels out.

X is metres to the right, Y metres up, Z metres ahead along the road. The optical axis is level
and the picture is shifted instead of tilted (a shift lens), so that verticals stay vertical; the
road's vanishing point may lie outside the picture.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from vision.drawing.paint import Box, Points

Metres = Float32[np.ndarray, "n 3"]
"""Places X, Y, Z in metres."""

NEAREST_M = 1.2
"""Closer than this is behind the glass: places are moved out to it before projection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Where the camera hangs and what it sees."""

    height_px: int
    """Rows of the picture."""
    width_px: int
    """Columns of the picture."""
    focal_px: float
    """Focal length."""
    camera_m: float
    """How high the camera hangs."""
    vanish_x_px: float
    """Column in which parallels to the road meet."""
    horizon_px: float
    """Row of the horizon; negative when the camera sees only ground."""
    bend_per_m: float = 0.0
    """Curvature of the road: it drifts sideways by ``bend_per_m * Z**2``."""

    def project(self, metres: Metres) -> Points:
        """Return the pixels of places, the road's bend applied."""
        ahead = np.maximum(metres[:, 2], NEAREST_M)
        across = metres[:, 0] + self.bend_per_m * ahead**2
        return np.stack(
            [
                self.vanish_x_px + self.focal_px * across / ahead,
                self.horizon_px + self.focal_px * (self.camera_m - metres[:, 1]) / ahead,
            ],
            axis=1,
        ).astype(np.float32)

    def ground(self, x_m: float, z_m: float) -> tuple[float, float]:
        """Return the pixel of a place on the ground."""
        point = self.project(np.asarray([[x_m, 0.0, z_m]], np.float32))[0]
        return float(point[0]), float(point[1])

    def px_per_m(self, z_m: float) -> float:
        """Return how many pixels a metre is at a distance."""
        return self.focal_px / max(z_m, NEAREST_M)

    def depth_of_row(self, y_px: float) -> float:
        """Return how far away the ground in a row is, in metres."""
        return self.focal_px * self.camera_m / max(y_px - self.horizon_px, 1.0)

    def box(self, points: Points) -> Box | None:
        """Return the box around points, cut at the picture's edge, or None if nothing is left."""
        size = np.asarray([self.width_px, self.height_px], np.float32)
        low = np.clip(points.min(axis=0) / size, 0.0, 1.0)
        high = np.clip(points.max(axis=0) / size, 0.0, 1.0)
        if (high <= low).any():
            return None
        return np.concatenate([low, high]).astype(np.float32)
