"""Vehicles as a detector would box them: for the tests of tracks and of the rules of vehicles."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.messages import ZoneKind
from pipelines.rules import vehicles
from pipelines.rules.events import Sighting
from pipelines.rules.moment import Columns, Moment
from pipelines.zones import Area
from tests.support.builders import look
from vision.hazards import Hazard
from vision.roles import Label, Role

Box = tuple[float, float, float, float]
Where = Callable[[float], Box | None]

COLUMNS = Columns(
    labels=(
        Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.4),
        Label(name="truck", role=Role.VEHICLE, hazard=None, threshold=0.4),
        Label(name="rock", role=Role.HAZARD, hazard=Hazard.DEBRIS, threshold=0.4),
        Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.4),
    )
)
CAR, TRUCK, ROCK, FIRE = range(4)

LEFT_TO_RIGHT = np.array([1.0, 0.0], np.float32)
WIDE, HIGH = 0.08, 0.06
"""A car of these tests."""


def area(
    kind: ZoneKind = ZoneKind.ROAD,
    *,
    permitted_s: float | None = None,
    direction: np.ndarray | None = None,
    box: Box = (0.0, 0.3, 1.0, 0.8),
) -> Area:
    x0, y0, x1, y1 = box
    return Area(
        zone_id="zone",
        kind=kind,
        polygon=np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32),
        direction=direction,
        permitted_s=permitted_s,
    )


def car_at(x: float, y: float, *, wide: float = WIDE, high: float = HIGH) -> Box:
    """A box whose foot is at x, y."""
    return (x - wide / 2, y - high, x + wide / 2, y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One vehicle and when the detector sees it."""

    where: Where
    label: int = CAR
    unseen: tuple[tuple[float, float], ...] = ()
    score: float = 0.8


def stands(
    x: float, y: float, from_s: float = -np.inf, to_s: float = np.inf, **size: float
) -> Vehicle:
    """It is there from one second to another and not elsewhere."""
    return Vehicle(where=lambda t_s: car_at(x, y, **size) if from_s <= t_s < to_s else None)


def drives(
    from_s: float, x: float, y: float, x_per_s: float, y_per_s: float = 0.0, **size: float
) -> Vehicle:
    """It goes straight until it leaves the picture."""

    def where(t_s: float) -> Box | None:
        past_s = t_s - from_s
        here = (x + x_per_s * past_s, y + y_per_s * past_s)
        on = past_s >= 0 and 0.0 < here[0] < 1.0 and 0.0 < here[1] < 1.0
        return car_at(*here, **size) if on else None

    return Vehicle(where=where)


def route(*stations: tuple[float, float, float]) -> Vehicle:
    """Second, x, y: straight between, gone before the first and after the last."""
    times, xs, ys = (list(column) for column in zip(*stations, strict=True))

    def where(t_s: float) -> Box | None:
        if not times[0] <= t_s < times[-1]:
            return None
        return car_at(float(np.interp(t_s, times, xs)), float(np.interp(t_s, times, ys)))

    return Vehicle(where=where)


def unseen(vehicle: Vehicle, *spans_s: tuple[float, float]) -> Vehicle:
    return replace(vehicle, unseen=spans_s)


def flow(
    y: float, *, gap_s: float, to_s: float, x_per_s: float = 0.31, from_s: float = 0.0
) -> list[Vehicle]:
    """Cars that pass through the whole picture, one after another."""
    start = 0.04 if x_per_s > 0 else 0.96
    return [drives(float(t_s), start, y, x_per_s) for t_s in np.arange(from_s, to_s, gap_s)]


def moments(
    traffic: Sequence[Vehicle],
    *,
    length_s: float,
    every_s: float = 2.0,
    jitter: float = 0.03,
    missed_share: float = 0.0,
    seed: int = 0,
) -> Iterable[Moment]:
    """Looks of the traffic; those of one second are one moment where there are several."""
    rng = np.random.default_rng(seed)
    second: list = []
    whole_s = 0
    for t_s in np.arange(0.0, length_s, every_s).tolist():
        rows = []
        for vehicle in traffic:
            box = vehicle.where(t_s)
            hidden = any(start <= t_s < end for start, end in vehicle.unseen)
            is_missed = rng.random() < missed_share
            if box is None or hidden or is_missed:
                continue
            sides = np.array([box[2] - box[0], box[3] - box[1]] * 2)
            moved = np.clip(np.array(box) + rng.normal(0, jitter, 4) * sides, 0, 1)
            rows.append(
                (
                    tuple(moved.tolist()),
                    vehicle.score + float(rng.uniform(-0.1, 0.1)),
                    vehicle.label,
                )
            )
        if second and (every_s >= 1.0 or int(t_s + 1e-6) != whole_s):
            yield Moment(looks=tuple(second), columns=COLUMNS)
            second = []
        whole_s = int(t_s + 1e-6)
        second.append(look(t_s, *rows))
    yield Moment(looks=tuple(second), columns=COLUMNS)


def judged(rule, zone: Area, settings, shown: Iterable[Moment]) -> list[tuple[float, Sighting]]:
    """What a rule says of moments: the second and the sighting."""
    state, followed, said = rule.State(), vehicles.State(), []
    first_s = None
    for moment in shown:
        at_s = moment.at.timestamp()
        first_s = moment.looks[0].ref.captured_at.timestamp() if first_s is None else first_s
        followed = vehicles.step(followed, moment)
        state, sighting = rule.step(state, followed, moment, zone, settings)
        if sighting is not None:
            said.append((at_s - first_s, sighting))
    return said
