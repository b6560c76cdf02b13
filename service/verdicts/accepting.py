"""Proposals shown, and one of them carried out after a person's yes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.audit.log import record
from service.cameras.models import CameraPatch
from service.cameras.registry import Registry
from service.cameras.store import Row
from service.verdicts import evidence
from service.verdicts.cutting import zones_after
from service.verdicts.errors import NotProposedError, ProposalChangedError
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
    Judged,
    RaisedThreshold,
    proposed,
)

Proposal = RaisedThreshold | CutZone


@dataclass(frozen=True, slots=True, kw_only=True)
class Yes:
    """A proposal that somebody has said yes to, and what it rests on."""

    proposal: Proposal
    """What is to be done."""
    judged: Sequence[Judged]
    """The verdicts that it follows from."""


def proposals(connection: Connection, who: Principal, camera: Row) -> ProposalsOut:
    """Return what is proposed for a camera today."""
    found = evidence.of_camera(connection, who, camera)
    follows = proposed(found.evidence)
    raised = [
        RaiseOut(
            hazard=one.hazard,
            now=one.now,
            value=one.value,
            effect=_shown(one.effect, found.visible),
            digest=digest(one),
        )
        for one in follows.raised
    ]
    cuts = [
        CutOut(
            zone_id=one.cut.zone_id,
            cut=one.cut.box,
            rest=list(one.cut.rest),
            share=one.cut.share,
            effect=_shown(one.effect, found.visible),
            digest=digest(one),
        )
        for one in follows.cuts
    ]
    return ProposalsOut(
        camera_id=camera["camera_id"],
        camera_revision=camera["revision"],
        kept_since=found.kept_since,
        proposals=[*raised, *cuts],
        windows_instead=_incidents(found.expected, found.visible),
        redraw_instead=_incidents(follows.unscored, found.visible),
    )


def digest(proposal: Proposal) -> str:
    """Return what tells a proposal from any other, whoever looks: all incidents are in it."""
    return sha256(msgspec.json.encode(proposal, order="deterministic")).hexdigest()


def agreed(connection: Connection, who: Principal, camera: Row, yes: Accepted) -> Yes:
    """Return the proposal that somebody says yes to, if it is still as it was shown.

    Raises ``NotProposedError`` and ``ProposalChangedError``.
    """
    known = evidence.of_camera(connection, who, camera).evidence
    follows = proposed(known)
    found: Proposal | None
    if yes.kind is Kind.CUT_ZONE:
        found = next((one for one in follows.cuts if one.cut.zone_id == yes.zone_id), None)
    else:
        found = next((one for one in follows.raised if one.hazard is yes.hazard), None)
    if found is None:
        raise NotProposedError
    if digest(found) != yes.digest:
        raise ProposalChangedError(_in_words(found))
    return Yes(proposal=found, judged=known.judged)


def carry_out(registry: Registry, camera_id: str, if_match: str, yes: Yes) -> None:
    """Change the camera, if ``if_match`` is its newest revision, and say in the audit why.

    Raises ``ProposalChangedError`` where somebody judged since the yes was looked at.
    """
    proposal, row = yes.proposal, registry.existing(camera_id)
    judged, _ = evidence.judged_at(registry.connection, camera_id, datetime.now(UTC))
    if judged != yes.judged:
        raise ProposalChangedError("it rests on other verdicts")
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


def _in_words(proposal: Proposal) -> str:
    effect = proposal.effect
    if isinstance(proposal, CutZone):
        cut = proposal.cut
        change = f"cut {cut.share:.1%} out of the zone {cut.zone_id}"
    else:
        change = f"raise the threshold of {proposal.hazard} to {proposal.value:.2f}"
    return (
        f"it would {change}, silence {len(effect.silenced)} judged false, "
        f"miss {len(effect.missed)} judged real and take {effect.unjudged} away that nobody judged"
    )


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
        doubtful=_incidents(effect.doubtful, visible),
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
