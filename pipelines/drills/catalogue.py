"""Every play: what evaluation rehearses. A new play is an entry in one of ``plays``' tables."""

from typing import Final

from pipelines.drills.plays import (
    above,
    debris,
    faults,
    fire,
    obstruction,
    people,
    smoke,
    vehicles,
    water,
    wrong_way,
)
from pipelines.drills.plays.common import Draw, Play, Truth

__all__ = ["CATALOGUE", "Draw", "Play", "Truth"]


def named(*tables: tuple[Play, ...]) -> dict[str, Play]:
    """Return plays by name. Raises ``ValueError`` for a name that occurs twice."""
    plays: dict[str, Play] = {}
    for play in (play for table in tables for play in table):
        if play.name in plays:
            raise ValueError(f"two plays are called {play.name}: give each its own name")
        plays[play.name] = play
    return plays


CATALOGUE: Final = named(
    fire.PLAYS,
    smoke.PLAYS,
    vehicles.PLAYS,
    wrong_way.PLAYS,
    obstruction.PLAYS,
    debris.PLAYS,
    water.PLAYS,
    faults.PLAYS,
    above.PLAYS,
    people.PLAYS,
)
"""By name, those of a hazard beside those that resemble it, people last."""
