"""People, drawn so that a detector takes them for people: for plays in which nothing may alarm.

No training picture shows them. Joints are metres to the right and up from where a person's foot
is on the ground; limbs are drawn between them, facing the camera as a paper figure would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from vision.arrays import Pixels
from vision.drawing.paint import Colour, Points, fill, shadow, tint
from vision.drawing.view import View

_SUBPIXEL = 4
"""Binary digits of a pixel's fractions, for OpenCV's drawing."""

Joint = tuple[float, float]
"""Metres right, metres up."""

Joints = dict[str, Joint]
"""head, neck, hip, and for each side 0 and 1: shoulder, elbow, hand, seat, knee, foot."""


class Pose(StrEnum):
    """What somebody does."""

    STANDING = "standing"
    WALKING = "walking"
    SITTING = "sitting"
    LYING = "lying"
    CROUCHING = "crouching"
    BUILDING = "building"
    """Both arms up, putting something up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How somebody is dressed."""

    top: Colour
    """Jacket or shirt."""
    trousers: Colour
    """Trousers."""
    skin: Colour
    """Face and hands."""
    hair: Colour
    """Hair or hat."""
    tall: float
    """Height against the usual 1.7 m."""
    umbrella: Colour | None = None
    """Carried when there is one."""


_TOPS: tuple[Colour, ...] = (
    (40, 40, 170), (150, 80, 40), (60, 60, 65), (205, 205, 200), (50, 140, 60), (60, 170, 215),
    (120, 60, 110), (35, 110, 215),
)  # fmt: skip
"""Red and orange too: a jacket is no fire."""


def make_looks(rng: np.random.Generator) -> Looks:
    """Return somebody's clothes."""
    dark = float(rng.uniform(25, 90))
    return Looks(
        top=tint(_TOPS[int(rng.integers(len(_TOPS)))], float(rng.uniform(0.75, 1.15))),
        trousers=(dark * float(rng.uniform(1.0, 1.6)), dark, dark * 0.95),
        skin=tint((135.0, 165.0, 205.0), float(rng.uniform(0.6, 1.05))),
        hair=tint((30.0, 32.0, 36.0), float(rng.uniform(0.6, 1.8))),
        tall=float(rng.uniform(0.92, 1.06)),
    )


def _upright(sway: float) -> Joints:
    joints: Joints = {"head": (0.0, 1.58), "neck": (0.0, 1.42), "hip": (0.0, 0.9)}
    for k, side in ((0, -1.0), (1, 1.0)):
        joints |= {
            f"shoulder{k}": (0.2 * side, 1.38), f"elbow{k}": (0.27 * side, 1.1),
            f"hand{k}": (0.25 * side + 0.03 * sway, 0.84), f"seat{k}": (0.1 * side, 0.9),
            f"knee{k}": (0.11 * side, 0.48), f"foot{k}": (0.12 * side, 0.03),
        }  # fmt: skip
    return joints


def _standing(phase: float) -> Joints:
    return _upright(float(np.sin(phase * 0.4)))


def _walking(phase: float) -> Joints:
    joints = _upright(0.0)
    for k, turn in ((0, 0.0), (1, np.pi)):
        swing = float(np.sin(phase + turn))
        lift = max(float(np.cos(phase + turn)), 0.0) * 0.09
        joints[f"knee{k}"] = (0.17 * swing + 0.03, 0.5)
        joints[f"foot{k}"] = (0.3 * swing, 0.03 + lift)
        joints[f"elbow{k}"] = (joints[f"shoulder{k}"][0] - 0.1 * swing, 1.1)
        joints[f"hand{k}"] = (joints[f"shoulder{k}"][0] - 0.22 * swing, 0.88)
    return joints


def _sitting(phase: float) -> Joints:
    nod = 0.02 * float(np.sin(phase * 0.3))
    joints: Joints = {"head": (0.04 + nod, 0.98), "neck": (0.02, 0.84), "hip": (-0.05, 0.28)}
    for k, side in ((0, -1.0), (1, 1.0)):
        joints |= {
            f"shoulder{k}": (0.17 * side, 0.8), f"elbow{k}": (0.24 * side, 0.55),
            f"hand{k}": (0.14 * side + 0.1, 0.45), f"seat{k}": (0.12 * side, 0.25),
            f"knee{k}": (0.17 * side + 0.12, 0.48), f"foot{k}": (0.15 * side + 0.15, 0.03),
        }  # fmt: skip
    return joints


def _lying(phase: float) -> Joints:
    turn = 0.01 * float(np.sin(phase * 0.2))
    joints: Joints = {"head": (-0.78, 0.2 + turn), "neck": (-0.6, 0.18), "hip": (-0.08, 0.17)}
    for k, side in ((0, -1.0), (1, 1.0)):
        joints |= {
            f"shoulder{k}": (-0.55, 0.18 + 0.11 * side), f"elbow{k}": (-0.3, 0.2 + 0.2 * side),
            f"hand{k}": (-0.08, 0.18 + 0.2 * side), f"seat{k}": (-0.08, 0.17 + 0.07 * side),
            f"knee{k}": (0.36, 0.18 + 0.09 * side), f"foot{k}": (0.8, 0.16 + 0.09 * side),
        }  # fmt: skip
    return joints


def _crouching(phase: float) -> Joints:
    reach = 0.06 * float(np.sin(phase))
    joints: Joints = {"head": (0.26, 0.92), "neck": (0.2, 0.8), "hip": (-0.08, 0.38)}
    for k, side in ((0, -1.0), (1, 1.0)):
        joints |= {
            f"shoulder{k}": (0.17 + 0.14 * side, 0.76), f"elbow{k}": (0.3 + 0.12 * side, 0.5),
            f"hand{k}": (0.38 + reach * side, 0.25), f"seat{k}": (-0.08 + 0.1 * side, 0.36),
            f"knee{k}": (0.18 + 0.1 * side, 0.42), f"foot{k}": (0.02 + 0.12 * side, 0.03),
        }  # fmt: skip
    return joints


def _building(phase: float) -> Joints:
    joints = _upright(0.0)
    for k, side in ((0, -1.0), (1, 1.0)):
        beat = 0.08 * float(np.sin(phase + k))
        joints[f"elbow{k}"] = (0.32 * side, 1.45)
        joints[f"hand{k}"] = (0.3 * side + beat, 1.75 + beat)
    return joints


_JOINTS: dict[Pose, Callable[[float], Joints]] = {
    Pose.STANDING: _standing,
    Pose.WALKING: _walking,
    Pose.SITTING: _sitting,
    Pose.LYING: _lying,
    Pose.CROUCHING: _crouching,
    Pose.BUILDING: _building,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Easel:
    """Where a figure is drawn."""

    picture: Pixels
    foot_px: tuple[float, float]
    metre_px: float
    aside: float
    """1 as told, -1 mirrored."""

    def at(self, joint: Joint) -> tuple[float, float]:
        x = self.foot_px[0] + self.aside * joint[0] * self.metre_px
        return x, self.foot_px[1] - joint[1] * self.metre_px

    def limb(self, start: Joint, end: Joint, thick_m: float, colour: Colour) -> None:
        scale = 1 << _SUBPIXEL
        ends = [tuple(round(value * scale) for value in self.at(joint)) for joint in (start, end)]
        thick_px = max(round(thick_m * self.metre_px), 1)
        cv2.line(self.picture, ends[0], ends[1], colour, thick_px, cv2.LINE_AA, _SUBPIXEL)

    def ball(self, joint: Joint, radius_m: float, colour: Colour) -> None:
        scale = 1 << _SUBPIXEL
        x, y = self.at(joint)
        radius = max(round(radius_m * self.metre_px * scale), scale)
        centre = (round(x * scale), round(y * scale))
        cv2.circle(self.picture, centre, radius, colour, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL)

    def shape(self, joints: list[Joint], colour: Colour) -> None:
        fill(self.picture, np.asarray([self.at(joint) for joint in joints], np.float32), colour)


def draw_person(
    picture: Pixels,
    view: View,
    looks: Looks,
    *,
    place_m: tuple[float, float],
    pose: Pose = Pose.STANDING,
    phase: float = 0.0,
    aside: float = 1.0,
) -> None:
    """Paint somebody at X, Z; ``phase`` moves the limbs, ``aside`` -1 mirrors the figure."""
    foot = view.ground(*place_m)
    metre = view.px_per_m(place_m[1]) * looks.tall
    if metre < 4.0:
        return
    joints = _JOINTS[pose](phase)
    easel = _Easel(picture=picture, foot_px=foot, metre_px=metre, aside=aside)
    _shade(picture, foot, metre, 0.85 if pose is Pose.LYING else 0.3)
    for k in (0, 1):
        far = 0.8 if k == 0 else 1.0
        legs = tint(looks.trousers, far)
        easel.limb(joints[f"seat{k}"], joints[f"knee{k}"], 0.16, legs)
        easel.limb(joints[f"knee{k}"], joints[f"foot{k}"], 0.125, legs)
        foot_m = joints[f"foot{k}"]
        easel.limb(foot_m, (foot_m[0] + 0.1, foot_m[1]), 0.09, (32.0, 32.0, 35.0))
    _trunk(easel, joints, looks)
    for k in (0, 1):
        sleeve = tint(looks.top, 0.78 if k == 0 else 0.9)
        easel.limb(joints[f"shoulder{k}"], joints[f"elbow{k}"], 0.115, sleeve)
        easel.limb(joints[f"elbow{k}"], joints[f"hand{k}"], 0.095, sleeve)
        easel.ball(joints[f"hand{k}"], 0.05, looks.skin)
    _head(easel, joints, looks)
    if looks.umbrella is not None:
        _umbrella(easel, joints, looks.umbrella)


def _trunk(easel: _Easel, joints: Joints, looks: Looks) -> None:
    """Paint the trunk, its one side in shade."""
    corners = [joints[name] for name in ("shoulder0", "shoulder1", "seat1", "seat0")]
    easel.limb(joints["neck"], joints["hip"], 0.3, looks.top)
    easel.shape(corners, looks.top)
    middle, hip = joints["neck"], joints["hip"]
    easel.shape([corners[0], middle, hip, corners[3]], tint(looks.top, 0.85))
    easel.limb(joints["seat0"], joints["seat1"], 0.14, looks.trousers)


def _head(easel: _Easel, joints: Joints, looks: Looks) -> None:
    """Paint neck, face and hair."""
    x, y = joints["head"]
    easel.limb(joints["neck"], (x, y), 0.1, tint(looks.skin, 0.8))
    easel.ball((x, y), 0.115, looks.skin)
    easel.ball((x - 0.01, y + 0.045), 0.108, looks.hair)
    easel.ball((x + 0.02, y - 0.03), 0.075, looks.skin)


def _umbrella(easel: _Easel, joints: Joints, colour: Colour) -> None:
    """Paint an open umbrella over the head."""
    x, y = joints["head"]
    easel.limb((x + 0.18, y - 0.45), (x + 0.1, y + 0.55), 0.025, (60.0, 60.0, 62.0))
    turns = np.linspace(0.0, np.pi, 9)
    dome = [(x + 0.1 + 0.58 * float(np.cos(t)), y + 0.22 + 0.36 * float(np.sin(t))) for t in turns]
    easel.shape(dome, colour)
    easel.shape([dome[0], dome[2], (x + 0.1, y + 0.22)], tint(colour, 0.75))


def _shade(picture: Pixels, foot_px: tuple[float, float], metre_px: float, reach_m: float) -> None:
    """Darken the ground under somebody."""
    angle = np.linspace(0.0, 2 * np.pi, 12, endpoint=False, dtype=np.float32)
    ring: Points = np.stack(
        [
            np.float32(foot_px[0]) + np.cos(angle) * np.float32(reach_m * metre_px),
            np.float32(foot_px[1]) + np.sin(angle) * np.float32(0.12 * metre_px),
        ],
        axis=1,
    ).astype(np.float32)
    shadow(picture, ring, 0.45, max(metre_px * 0.06, 0.6))
