"""Vehicles without drivers: a side profile drawn out to a solid, painted far faces first.

Nobody sits in them: glass is drawn dark and empty.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from vision.arrays import Pixels
from vision.drawing.paint import Box, Colour, Points, add_glow, fill, shadow, tint
from vision.drawing.view import Metres, View

Profile = Float32[np.ndarray, "n 2"]
"""Side view, closed: metres forward of the middle, metres up."""

_GLASS: Colour = (58.0, 50.0, 44.0)
_TYRE: Colour = (28.0, 27.0, 26.0)
_WHEEL: tuple[tuple[float, Colour], ...] = (
    (1.0, _TYRE),
    (0.58, (120.0, 118.0, 116.0)),
    (0.2, (60.0, 60.0, 60.0)),
)
"""Share of the radius, colour: tyre, rim, hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """One body of a vehicle: its upper outline from tail to nose, and where glass is."""

    outline: tuple[tuple[float, float], ...]
    """(forward, up) in metres from the lower tail to the lower nose."""
    half_width_m: float
    """Half its width below the belt."""
    glass: tuple[int, ...] = ()
    """Edges of the outline (index of their first point) that are glass."""
    cabin: tuple[int, ...] = ()
    """Points of the outline that bound the side windows; they lean inwards."""
    paint: Colour | None = None
    """Its own colour, else the vehicle's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A kind of vehicle."""

    label: str
    """What the detector calls it."""
    solids: tuple[Solid, ...]
    """Its bodies, tail first."""
    wheels: tuple[tuple[float, float], ...]
    """(forward, radius) of the axles in metres."""
    nose_m: float
    """How far forward of the middle the nose is."""
    tail_m: float
    """How far behind the middle the tail is."""
    half_width_m: float
    """Half its width."""
    lamp_m: float = 0.72
    """How high the lamps are."""


def _sedan() -> Solid:
    outline = (
        (-2.2, 0.28), (-2.25, 0.72), (-2.05, 0.98), (-1.55, 1.02), (-0.95, 1.42),
        (0.25, 1.46), (1.0, 1.0), (1.95, 0.86), (2.2, 0.62), (2.2, 0.28),
    )  # fmt: skip
    return Solid(outline=outline, half_width_m=0.9, glass=(3, 5), cabin=(3, 4, 5, 6))


def _hatch() -> Solid:
    outline = (
        (-1.9, 0.28), (-1.95, 0.75), (-1.9, 1.02), (-1.55, 1.5), (0.2, 1.58),
        (0.95, 1.05), (1.75, 0.9), (2.0, 0.62), (2.0, 0.28),
    )  # fmt: skip
    return Solid(outline=outline, half_width_m=0.88, glass=(2, 4), cabin=(2, 3, 4, 5))


def _suv() -> Solid:
    outline = (
        (-2.25, 0.4), (-2.3, 0.9), (-2.25, 1.15), (-2.0, 1.72), (0.25, 1.78),
        (0.95, 1.18), (2.05, 1.08), (2.3, 0.8), (2.3, 0.4),
    )  # fmt: skip
    return Solid(outline=outline, half_width_m=0.95, glass=(2, 4), cabin=(2, 3, 4, 5))


def _van() -> Solid:
    outline = (
        (-2.1, 0.35), (-2.12, 1.1), (-2.05, 1.9), (1.2, 1.92),
        (1.85, 1.15), (2.2, 0.9), (2.2, 0.35),
    )  # fmt: skip
    return Solid(outline=outline, half_width_m=0.85, glass=(1, 3), cabin=(1, 2, 3, 4))


def _bus() -> Solid:
    outline = ((-5.5, 0.4), (-5.5, 1.4), (-5.4, 3.05), (5.3, 3.1), (5.5, 1.3), (5.5, 0.4))
    return Solid(outline=outline, half_width_m=1.25, glass=(1, 3), cabin=(1, 2, 3, 4))


def _lorry(paint: Colour) -> tuple[Solid, Solid]:
    load = Solid(
        outline=((-3.6, 0.75), (-3.6, 3.0), (1.6, 3.0), (1.6, 0.75)),
        half_width_m=1.2,
        paint=paint,
    )
    cab = Solid(
        outline=((1.75, 0.45), (1.75, 1.5), (1.8, 2.45), (3.1, 2.45), (3.55, 1.45), (3.6, 0.45)),
        half_width_m=1.1,
        glass=(3,),
        cabin=(1, 2, 3, 4),
    )
    return load, cab


def make_body(rng: np.random.Generator, label: str) -> Body:
    """Return a vehicle of that kind; cars are sedans, hatchbacks, SUVs or small vans."""
    if label == "bus":
        return Body(label=label, solids=(_bus(),), wheels=((-3.4, 0.5), (3.2, 0.5)),
                    nose_m=5.5, tail_m=5.5, half_width_m=1.25, lamp_m=0.85)  # fmt: skip
    if label == "truck":
        grey = float(rng.uniform(90, 230))
        paint = (grey, grey, grey) if rng.random() < 0.6 else random_paint(rng)
        wheels = ((-2.6, 0.5), (-1.5, 0.5), (2.6, 0.5))
        return Body(label=label, solids=_lorry(paint), wheels=wheels,
                    nose_m=3.6, tail_m=3.6, half_width_m=1.2, lamp_m=0.8)  # fmt: skip
    solid = (_sedan, _hatch, _suv, _van)[int(rng.choice(4, p=[0.4, 0.2, 0.25, 0.15]))]()
    nose, tail = solid.outline[-1][0], -solid.outline[0][0]
    wheel = 0.36 if solid.outline[0][1] > 0.3 else 0.31
    return Body(label="car", solids=(solid,), wheels=((-tail + 0.8, wheel), (nose - 0.85, wheel)),
                nose_m=nose, tail_m=tail, half_width_m=solid.half_width_m)  # fmt: skip


def random_paint(rng: np.random.Generator) -> Colour:
    """Return a colour as cars have: mostly white, silver, black, grey, at times bright."""
    if rng.random() < 0.68:
        grey = float(
            rng.choice([rng.uniform(205, 240), rng.uniform(120, 180), rng.uniform(28, 70)])
        )
        return grey, grey * float(rng.uniform(0.96, 1.0)), grey * float(rng.uniform(0.93, 1.0))
    hues: tuple[Colour, ...] = (
        (40, 35, 165), (120, 60, 30), (60, 90, 40), (40, 130, 215), (70, 170, 200), (60, 40, 90),
    )  # fmt: skip
    return tint(hues[int(rng.integers(len(hues)))], float(rng.uniform(0.7, 1.2)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One vehicle somewhere on the ground."""

    body: Body
    """Its kind."""
    paint: Colour
    """Its colour."""
    x_m: float
    """Where its middle is, to the right."""
    z_m: float
    """Where its middle is, ahead."""
    heading_rad: float = 0.0
    """0 drives away from the camera, pi towards it."""
    sun: float = 0.3
    """How much brighter the left side is than the right, -1 to 1."""

    def place(self, local: Metres) -> Metres:
        """Return where points of the vehicle (right, up, forward) are on the ground."""
        cos, sin = np.float32(np.cos(self.heading_rad)), np.float32(np.sin(self.heading_rad))
        right, up, forward = local[:, 0], local[:, 1], local[:, 2]
        return np.stack(
            [
                np.float32(self.x_m) + right * cos + forward * sin,
                up,
                np.float32(self.z_m) - right * sin + forward * cos,
            ],
            axis=1,
        ).astype(np.float32)


def _points(vehicle: Vehicle, view: View, local: list[tuple[float, float, float]]) -> Points:
    return view.project(vehicle.place(np.asarray(local, np.float32)))


def _inset(quad: Points, across: float, along: float) -> Points:
    """Return a four-sided face shrunk towards its middle."""
    a, b, c, d = quad
    u0, u1, v0, v1 = across, 1 - across, along, 1 - along
    corners = [(u0, v0), (u1, v0), (u1, v1), (u0, v1)]
    return np.asarray(
        [(1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d for u, v in corners],
        np.float32,
    )


def _facing(points: Points) -> float:
    """Return twice the signed area: positive when the corners run clockwise on the screen."""
    x, y = points[:, 0], points[:, 1]
    across = np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:])
    return float(across + x[-1] * y[0] - y[-1] * x[0])


def _half_width(solid: Solid, index: int) -> float:
    """Return half the width at a point of the outline: the roof is narrower than the belt."""
    if index in solid.cabin[1:-1]:
        return solid.half_width_m * (0.8 if solid.half_width_m < 1.0 else 0.97)
    return solid.half_width_m


def _draw_strips(
    picture: Pixels, view: View, vehicle: Vehicle, solid: Solid, paint: Colour
) -> None:
    """Paint tail, rear window, roof, windscreen, bonnet and nose, the farthest first."""
    strips: list[tuple[float, int, Points]] = []
    for index in range(len(solid.outline) - 1):
        (z0, y0), (z1, y1) = solid.outline[index], solid.outline[index + 1]
        w0, w1 = _half_width(solid, index), _half_width(solid, index + 1)
        local = np.asarray([(-w0, y0, z0), (w0, y0, z0), (w1, y1, z1), (-w1, y1, z1)], np.float32)
        placed = vehicle.place(local)
        strips.append((float(placed[:, 2].mean()), index, view.project(placed)))
    for _, index, points in sorted(strips, key=lambda strip: -strip[0]):
        if _facing(points) >= 0:
            continue
        (z0, y0), (z1, y1) = solid.outline[index], solid.outline[index + 1]
        slope = abs(z1 - z0) / (abs(z1 - z0) + abs(y1 - y0) + 1e-6)
        fill(picture, points, tint(paint, 0.62 + 0.5 * slope))
        if index in solid.glass:
            fill(picture, _inset(points, 0.06, 0.1), tint(_GLASS, 0.8 + 0.9 * slope))


def _draw_side(
    picture: Pixels, view: View, vehicle: Vehicle, solid: Solid, paint: Colour, *, side: int
) -> None:
    """Paint one flank with its windows if it faces the camera."""
    belt = [k for k in range(len(solid.outline)) if k not in solid.cabin[1:-1]]
    lower = [(side * solid.half_width_m, *solid.outline[k][::-1]) for k in belt]
    points = _points(vehicle, view, lower)
    if _facing(points) * side <= 0:
        return
    shade = 0.78 - 0.16 * side * vehicle.sun
    fill(picture, points, tint(paint, shade))
    sill = [(x, min(y, solid.outline[0][1] + 0.12), z) for x, y, z in lower]
    fill(picture, _points(vehicle, view, sill), tint(paint, shade * 0.55))
    if not solid.cabin:
        return
    upper = [(side * _half_width(solid, k), *solid.outline[k][::-1]) for k in solid.cabin]
    quad = _points(vehicle, view, upper)
    fill(picture, quad, tint(paint, shade * 0.95))
    a, b, c, d = _inset(quad, 0.1, 0.06)
    panes = 7 if vehicle.body.label == "bus" else 2
    for pane in range(panes):
        left, right = pane / panes + 0.012, (pane + 1) / panes - 0.012
        glass = [a + (d - a) * left, b + (c - b) * left, b + (c - b) * right, a + (d - a) * right]
        fill(picture, np.asarray(glass, np.float32), tint(_GLASS, 1.05 - 0.2 * side * vehicle.sun))


def _draw_wheels(picture: Pixels, view: View, vehicle: Vehicle, side: int) -> None:
    """Paint the wheels of one flank if it faces the camera."""
    parts = _WHEEL[: 3 if view.px_per_m(vehicle.z_m) > 20.0 else 2]
    for forward, radius in vehicle.body.wheels:
        for share, colour in parts:
            aside = side * (vehicle.body.half_width_m + 0.01)
            points = _points(vehicle, view, _ring(aside, forward, radius, share))
            if _facing(points) * side < 0:
                fill(picture, points, colour)


def _ring(
    aside: float, forward: float, radius: float, share: float
) -> list[tuple[float, float, float]]:
    """Return a circle on a vehicle's flank, ``share`` of a wheel that stands on the ground."""
    reach = radius * share
    return [
        (aside, radius + reach * float(np.sin(turn)), forward + reach * float(np.cos(turn)))
        for turn in np.linspace(0.0, 2 * np.pi, 14, endpoint=False)
    ]


def _lamps(vehicle: Vehicle, view: View) -> list[tuple[Points, bool]]:
    """Return the lamps that face the camera and whether they are the front ones."""
    found = []
    body = vehicle.body
    for front in (True, False):
        z = body.nose_m + 0.01 if front else -body.tail_m - 0.01
        for side in (-1, 1):
            x0, x1 = side * (body.half_width_m - 0.42), side * (body.half_width_m - 0.06)
            low, high = body.lamp_m - 0.09, body.lamp_m + 0.07
            quad = [(x0, low, z), (x1, low, z), (x1, high, z), (x0, high, z)]
            points = _points(vehicle, view, quad)
            if _facing(points) * side * (1 if front else -1) > 0:
                found.append((points, front))
    return found


def draw_vehicle(picture: Pixels, view: View, vehicle: Vehicle) -> tuple[Box | None, Points]:
    """Paint a vehicle and its shadow; return its box and the pixels of its outer corners."""
    body, paint = vehicle.body, vehicle.paint
    if body.label == "motorcycle":
        return _draw_motorcycle(picture, view, vehicle)
    half, nose, tail = body.half_width_m + 0.12, body.nose_m + 0.1, body.tail_m + 0.1
    base = [(-half, 0.0, -tail), (half, 0.0, -tail), (half, 0.0, nose), (-half, 0.0, nose)]
    fill_px = view.px_per_m(vehicle.z_m)
    shadow(picture, _points(vehicle, view, base), 0.62, max(fill_px * 0.12, 0.6))
    towards = np.cos(vehicle.heading_rad) < 0
    for solid in body.solids if towards else reversed(body.solids):
        colour = solid.paint or paint
        _draw_strips(picture, view, vehicle, solid, colour)
        for side in (-1, 1):
            _draw_side(picture, view, vehicle, solid, colour, side=side)
    for side in (-1, 1):
        _draw_wheels(picture, view, vehicle, side)
    for points, front in _lamps(vehicle, view):
        fill(picture, points, (225.0, 230.0, 230.0) if front else (40.0, 35.0, 170.0))
    corners = [
        (side * _half_width(solid, index), up, forward)
        for solid in body.solids
        for index, (forward, up) in enumerate(solid.outline)
        for side in (-1, 1)
    ]
    corners += [(side * body.half_width_m, 0.0, z) for side in (-1, 1) for z, _ in body.wheels]
    points = _points(vehicle, view, corners)
    return view.box(points), points


def motorcycle() -> Body:
    """Return a parked motorcycle; nobody rides it."""
    return Body(label="motorcycle", solids=(), wheels=((-0.65, 0.31), (0.68, 0.31)),
                nose_m=1.0, tail_m=0.95, half_width_m=0.28)  # fmt: skip


def _draw_motorcycle(picture: Pixels, view: View, vehicle: Vehicle) -> tuple[Box | None, Points]:
    """Paint a parked motorcycle: wheels, frame, tank, seat and handlebar, all near one plane."""
    base = [(-0.3, 0.0, -0.95), (0.3, 0.0, -0.95), (0.3, 0.0, 1.0), (-0.3, 0.0, 1.0)]
    shadow(picture, _points(vehicle, view, base), 0.5, max(view.px_per_m(vehicle.z_m) * 0.08, 0.5))
    corners: list[tuple[float, float, float]] = []
    for forward, radius in vehicle.body.wheels:
        for share, colour in ((1.0, _TYRE), (0.6, (110.0, 110.0, 112.0))):
            ring = _ring(0.0, forward, radius, share)
            fill(picture, _points(vehicle, view, ring), colour)
            corners += ring
    parts: tuple[tuple[float, Colour, list[tuple[float, float]]], ...] = (
        (0.16, (50.0, 50.0, 52.0), [(-0.6, 0.35), (0.45, 0.3), (0.6, 0.75), (-0.5, 0.7)]),
        (0.2, vehicle.paint, [(-0.1, 0.7), (0.55, 0.72), (0.5, 0.98), (-0.05, 0.92)]),
        (0.18, (30.0, 28.0, 28.0), [(-0.95, 0.78), (-0.05, 0.72), (-0.05, 0.86), (-0.85, 0.92)]),
        (0.05, (60.0, 60.0, 62.0), [(0.5, 0.3), (0.75, 0.3), (0.55, 1.1), (0.45, 1.1)]),
    )
    for half, colour, outline in parts:
        for side in (-1, 1):
            flank = [(side * half, up, forward) for forward, up in outline]
            fill(picture, _points(vehicle, view, flank), tint(colour, 0.85 - 0.12 * side))
            corners += flank
        lid = [(-half, *outline[-1][::-1]), (half, *outline[-1][::-1]),
               (half, *outline[-2][::-1]), (-half, *outline[-2][::-1])]  # fmt: skip
        fill(picture, _points(vehicle, view, lid), tint(colour, 1.1))
    bar = [(-0.36, 1.04, 0.45), (0.36, 1.04, 0.45), (0.36, 1.1, 0.5), (-0.36, 1.1, 0.5)]
    fill(picture, _points(vehicle, view, bar), (70.0, 70.0, 72.0))
    corners += bar
    points = _points(vehicle, view, corners)
    return view.box(points), points


def light_lamps(picture: Pixels, view: View, vehicle: Vehicle, power: float) -> None:
    """Add the light of the lamps that face the camera: white ahead, red behind, with halos."""
    for points, front in _lamps(vehicle, view):
        x, y = (float(value) for value in points.mean(axis=0))
        reach = view.px_per_m(vehicle.z_m) * (1.1 if front else 0.55) * (0.4 + power)
        colour: Colour = (205.0, 225.0, 235.0) if front else (45.0, 40.0, 235.0)
        add_glow(picture, x, y, reach * 1.6 + 2, tint(colour, 0.55 * power))
        add_glow(picture, x, y, reach * 0.45 + 1.5, (255.0, 255.0, 255.0) if front else colour)
