"""People at the centre: each looks at the list, decides, and asks again when no answer comes.

Several look at the same list, so often two decide about one incident; one of them must win. What
each was told is kept, to be compared with the history at the end.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import httpx

from tests.chaos.estate import Person
from vision.hazards import OF_VEHICLES

ANSWER_LIMIT_S = 15.0
ASK_AGAIN_S = 0.3
LAST_ANSWER_S = 90.0
"""How long the last question of an operator is asked again before it counts as unanswered."""
A_PAGE = 40
AT_A_TIME = 8
"""Decisions on one page: it grows old."""

_NEXT: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "new": (("see", 2), ("confirm", 5), ("dismiss", 2)),
    "seen": (("confirm", 5), ("dismiss", 1), ("assign", 1), ("merge", 1)),
    "confirmed": (("dispatch", 9), ("dismiss", 1), ("assign", 1), ("merge", 2)),
    "dispatched": (("dispatch", 1), ("arrive", 2), ("close", 2), ("merge", 3)),
    "on_site": (("report", 1), ("close", 3), ("merge", 1)),
    "closed": (("reopen", 1),),
    "false": (("reopen", 1),),
}
"""What is done in which state, and how often."""

_REASONS: Final = {"dismiss": "fog_or_cloud", "close": "handled", "reopen": "again"}

STEP_OF: Final = {
    "confirm": "confirmed",
    "dismiss": "dismissed",
    "dispatch": "dispatched",
    "arrive": "arrived",
    "report": "reported",
    "close": "closed",
    "reopen": "reopened",
    "assign": "assigned",
    "merge": "merged",
}
"""What the history calls a decision; ``see`` is none. Of a merge, the history of the one that stays
says so."""


Incident = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Told:
    """What an operator was told."""

    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Decisions that hold, by incident and action."""
    faster: int = 0
    """Decisions that somebody else was faster with."""
    refused: int = 0
    """Decisions that no longer made sense."""
    again: int = 0
    """Questions that had to be asked again."""
    unclear: list[str] = field(default_factory=list)
    """Questions that got no answer at all."""
    strange: list[str] = field(default_factory=list)
    """Answers that nobody should get."""


class Operator:
    """One person in a thread."""

    def __init__(self, person: Person, urls: Sequence[str], seed: int, targets: list[str]) -> None:
        self.person = person
        self.told = Told()
        self._urls = urls
        self._targets = targets
        self._chance = random.Random(f"{seed}/{person.login}")  # noqa: S311
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=person.login, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let the present decision be the last, and wait for its answer."""
        self._stopping.set()
        self._thread.join(LAST_ANSWER_S + 2 * ANSWER_LIMIT_S)

    def _run(self) -> None:
        headers = self.person.headers
        with httpx.Client(headers=headers, timeout=ANSWER_LIMIT_S, trust_env=False) as client:
            while not self._stopping.is_set():
                found = self._listed(client)
                for incident in self._chance.sample(found, min(len(found), AT_A_TIME)):
                    if self._stopping.is_set():
                        break
                    self._decide(client, incident, found)

    def _listed(self, client: httpx.Client) -> list[Incident]:
        busy = self._chance.random() < 0.9
        states = ("new", "seen", "confirmed") if busy else ("dispatched", "on_site", "closed")
        words: list[tuple[str, str | int]] = [("state", one) for one in states]
        words += [("drill", "false"), ("limit", A_PAGE)]
        answer = self._asked(client, "GET", "/api/incidents", params=words)
        found = answer.json()["incidents"] if answer is not None and answer.is_success else []
        if not found:
            self._stopping.wait(ASK_AGAIN_S)
        return list(found)

    def _asking(self, incident: Incident, others: Sequence[Incident]) -> dict[str, Any]:
        """Return what is asked for."""
        fitting = [one for one in others if _mergeable(incident, one)]
        # Whose it is already is told yes, and nothing happens.
        senseless = {"merge"} if not fitting else set()
        if incident["assigned_to"] == self.person.account_id:
            senseless.add("assign")
        sensible = (one for one in _NEXT[incident["state"]] if one[0] not in senseless)
        actions, weights = zip(*sensible, strict=True)
        action = self._chance.choices(actions, weights)[0]
        asked = {"action": action, "version": incident["version"]}
        if action in _REASONS:
            asked["reason"] = _REASONS[action]
        if action == "dispatch":
            asked["targets"] = self._targets
        if action == "assign":
            asked["assignee"] = self.person.account_id
        if action == "merge":
            asked["into"] = self._chance.choice(fitting)["incident_id"]
        return asked

    def _decide(self, client: httpx.Client, incident: Incident, others: Sequence[Incident]) -> None:
        asked = self._asking(incident, others)
        action = asked["action"]
        path = f"/api/incidents/{incident['incident_id']}/actions"
        before = self.told.again
        answer = self._asked(client, "POST", path, json=asked)
        if action == "see":
            return
        what = (str(UUID(asked.get("into", incident["incident_id"]))), action)
        if answer is None:
            self.told.unclear.append(f"{self.person.login}: {what}")
        elif answer.is_success:
            self.told.done[what] += 1
        elif answer.status_code == 409:
            self._outrun(client, what, asked_again=self.told.again > before)
        else:
            self.told.strange.append(f"{what}: {answer.status_code} {answer.text[:300]}")

    def _outrun(self, client: httpx.Client, what: tuple[str, str], *, asked_again: bool) -> None:
        """Find out whether it was oneself who was faster, with a question whose answer was lost."""
        mine = self._in_history(client, what) if asked_again else None
        if mine is not None and mine > self.told.done[what]:
            self.told.done[what] += 1
        else:
            self.told.faster += 1

    def _in_history(self, client: httpx.Client, what: tuple[str, str]) -> int | None:
        answer = self._asked(client, "GET", f"/api/incidents/{what[0]}/steps")
        if answer is None or not answer.is_success:
            self.told.unclear.append(f"{self.person.login}: {what}")
            return None
        steps = answer.json()["steps"]
        return sum(
            step["actor"] == self.person.login and step["action"] == STEP_OF[what[1]]
            for step in steps
        )

    def _asked(
        self, client: httpx.Client, method: str, path: str, **words: Any
    ) -> httpx.Response | None:
        """Ask until there is an answer that isn't the service's own trouble."""
        ends_s = time.monotonic() + LAST_ANSWER_S
        while time.monotonic() < ends_s:
            try:
                url = self._chance.choice(self._urls) + path
                answer = client.request(method, url, **words)
            except httpx.TransportError:  # refused, cut, or silent: killed
                pass
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            self.told.again += 1
            time.sleep(ASK_AGAIN_S)
        return None


def _mergeable(one: Incident, other: Incident) -> bool:
    """Tell whether it makes sense to ask; that of two it is the same place is for the service."""
    if one["incident_id"] == other["incident_id"] or other["state"] == "closed":
        return False
    same = ["hazard", "drill"]
    if one["hazard"] in OF_VEHICLES:
        same += ["camera_id", "zone_id"]
    return all(one[name] == other[name] for name in same)
