"""What ``fengsui plan`` is asked, checked."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Final

from pipelines.bench.kinds import CODECS
from pipelines.plan.arithmetic import Estate, Server
from pipelines.plan.faults import PlanError, shown
from vision.hazards import Hazard

NEED_STEADY_LOOKS: Final = frozenset({Hazard.WRONG_WAY})
"""Which way a vehicle drives isn't seen in a keyframe each few seconds."""

MOST_CHANNELS: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One plan."""

    estate: Estate
    """What is to be watched."""
    server: Server
    """On what."""
    rules: tuple[Hazard, ...]
    """Which hazards are looked for."""
    figures: tuple[Path, ...]
    """What the user measured; none: what ships."""


def asked(given: argparse.Namespace) -> Asked:
    """Check the arguments; raises ``PlanError``."""
    rules = _rules(given.rules)
    if not 1 <= given.channels <= MOST_CHANNELS:
        raise PlanError(f"--channels {given.channels}: give a number from 1 to {MOST_CHANNELS}")
    if given.codec not in CODECS:
        raise PlanError(f"--codec {shown(given.codec)}: give one of {', '.join(CODECS)}")
    for name in ("substream_share", "smart_share"):
        if not 0.0 <= (value := getattr(given, name)) <= 1.0:
            raise PlanError(f"{_option(name)} {value:g}: give a share from 0 to 1, as .8")
    if not 0.0 <= given.headroom <= 0.9:
        raise PlanError(f"--headroom {given.headroom:g}: give a share from 0 to .9, as .3")
    for name in ("keyframes", "cores_per_server", "memory_per_server", "port_mbit", "sub_mbit",
                 "main_mbit"):  # fmt: skip
        if not (isfinite(value := getattr(given, name)) and 0.01 <= value <= 10_000_000):
            raise PlanError(f"{_option(name)} {value:g}: give a number above 0")
    estate = Estate(
        channels=given.channels,
        substream_share=given.substream_share,
        smart_share=given.smart_share,
        codec=given.codec,
        keyframe_s=given.keyframes,
        steady=bool(NEED_STEADY_LOOKS & set(rules)),
        sub_mbit_s=given.sub_mbit,
        main_mbit_s=given.main_mbit,
    )
    server = Server(
        cores=given.cores_per_server,
        memory_gb=given.memory_per_server,
        port_mbit_s=given.port_mbit,
        headroom=given.headroom,
    )
    return Asked(estate=estate, server=server, rules=rules, figures=tuple(given.figures or ()))


def _rules(words: Sequence[str]) -> tuple[Hazard, ...]:
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    known = [hazard.value for hazard in Hazard]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        what = f"no such rule: {shown(', '.join(unknown))}" if unknown else "none given"
        raise PlanError(f"--rules: {what}; give some of {', '.join(known)}")
    return tuple(dict.fromkeys(Hazard(name) for name in names))


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
