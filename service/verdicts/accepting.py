"""Proposals shown, and one of them carried out after a person's yes."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.audit.log import record
from service.cameras.models import CameraPatch
from service.cameras.registry import Registry
from service.cameras.store import Row
from service.verdicts import evidence
from service.verdicts.cutting import zones_after
from service.verdicts.errors import NotProposedError
from service.verdicts.models import (
    Accepted,
    CutOut,
    EffectOut,
    IncidentsOut,
    Kind,
    LaterOut,
    ProposalsOut,
    RaiseOut,
)
from service.verdicts.proposing import (
    CutZone,
    Effect,
    RaisedThreshold,
    cut_zones,
    raised_thresholds,
)

Proposal = RaisedThreshold | CutZone

SAME = 1e-6
"""A threshold goes through JSON and back."""


def proposals(connection: Connection, who: Principal, camera: Row) -> ProposalsOut:
    """Return what is proposed for a camera today."""
    found = evidence.of_camera(connection, who, camera)
    raised = [
        RaiseOut(
            hazard=one.hazard,
            now=one.now,
            value=one.value,
            effect=_shown(one.effect, found.visible),
        )
        for one in raised_thresholds(found.evidence)
    ]
    cuts = [
        CutOut(
            zone_id=one.cut.zone_id,
            cut=one.cut.box,
            rest=list(one.cut.rest),
            share=one.cut.share,
            effect=_shown(one.effect, found.visible),
        )
        for one in cut_zones(found.evidence)
    ]
    return ProposalsOut(
        camera_id=camera["camera_id"],
        camera_revision=camera["revision"],
        kept_since=found.kept_since,
        proposals=[*raised, *cuts],
        windows_instead=_incidents(found.expected, found.visible),
    )


def proposed(connection: Connection, who: Principal, camera: Row, yes: Accepted) -> Proposal:
    """Return the proposal that somebody says yes to. Raises ``NotProposedError``."""
    known = evidence.of_camera(connection, who, camera).evidence
    if yes.kind is Kind.CUT_ZONE:
        cuts = (one for one in cut_zones(known) if one.cut.zone_id == yes.zone_id)
        found: Proposal | None = next(cuts, None)
    else:
        found = next((one for one in raised_thresholds(known) if _is_meant(one, yes)), None)
    if found is None:
        raise NotProposedError
    return found


def carry_out(registry: Registry, camera_id: str, if_match: str, proposal: Proposal) -> None:
    """Change the camera, if ``if_match`` is its newest revision, and say in the audit why."""
    row = registry.existing(camera_id)
    registry.change(camera_id, if_match, _patch(row, proposal))
    record(
        registry.connection,
        actor=registry.principal.login,
        action="camera.proposal_accepted",
        object_kind="camera",
        object_id=camera_id,
        place_code=row["place_code"],
        detail=_detail(proposal),
    )


def _is_meant(one: RaisedThreshold, yes: Accepted) -> bool:
    return one.hazard is yes.hazard and yes.value is not None and abs(one.value - yes.value) < SAME


def _patch(row: Row, proposal: Proposal) -> CameraPatch:
    if isinstance(proposal, CutZone):
        return CameraPatch.model_validate({"zones": zones_after(proposal.cut, row["zones"])})
    thresholds = {**(row["thresholds"] or {}), proposal.hazard.value: proposal.value}
    return CameraPatch.model_validate({"thresholds": thresholds})


def _detail(proposal: Proposal) -> dict[str, Any]:
    effect = proposal.effect
    told = {
        "silenced": [str(one) for one in effect.silenced],
        "missed": [str(one) for one in effect.missed],
    }
    if isinstance(proposal, CutZone):
        cut = proposal.cut
        return {"kind": Kind.CUT_ZONE, "zone_id": cut.zone_id, "cut": list(cut.box), **told}
    return {
        "kind": Kind.RAISE_THRESHOLD,
        "hazard": proposal.hazard,
        "old": proposal.now,
        "new": proposal.value,
        **told,
    }


def _shown(effect: Effect, visible: Collection[UUID]) -> EffectOut:
    later = {one: seconds for one, seconds in effect.later_s.items() if seconds > 0}
    return EffectOut(
        onsets_now=effect.onsets_now,
        onsets_then=effect.onsets_then,
        silenced=_incidents(effect.silenced, visible),
        missed=_incidents(effect.missed, visible),
        latest_s=max(later.values(), default=0.0),
        later=[
            LaterOut(incident_id=one, later_s=seconds)
            for one, seconds in later.items()
            if one in visible
        ],
        unjudged=effect.unjudged,
        untested=_incidents(effect.untested, visible),
    )


def _incidents(ids: Collection[UUID], visible: Collection[UUID]) -> IncidentsOut:
    return IncidentsOut(count=len(ids), ids=[one for one in ids if one in visible])
