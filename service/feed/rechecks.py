"""Whether those who listen still may: asked once a second for each login, however many listen."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool

from service.accounts.principal import Credential, Principal

GOOD_FOR_S: Final = 1.0
"""Whoever was logged out sees no event this long afterwards."""

KEPT: Final = 1000
"""Answers; old ones go when there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Who listens."""

    principal: Principal | None
    """None once the login would be refused."""
    asked_s: float
    """When that was asked, by the event loop's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    asked_s: float
    task: asyncio.Task[Principal | None]


class Rechecks:
    """Asks the gate and remembers for a moment. For one event loop."""

    def __init__(self) -> None:
        self._answers: dict[Credential, _Answer] = {}

    async def principal(
        self, credential: Credential | None, ask: Callable[[], Principal | None]
    ) -> Checked:
        """Return who a login is of as of a second ago at most."""
        now_s = asyncio.get_running_loop().time()
        if credential is None:
            return Checked(principal=await run_in_threadpool(ask), asked_s=now_s)
        answer = self._answers.get(credential)
        if answer is None or now_s - answer.asked_s >= GOOD_FOR_S:
            if len(self._answers) >= KEPT:
                self._forget(now_s)
            answer = _Answer(asked_s=now_s, task=asyncio.create_task(run_in_threadpool(ask)))
            self._answers[credential] = answer
        # A client that leaves must not end what others wait for.
        return Checked(principal=await asyncio.shield(answer.task), asked_s=answer.asked_s)

    def _forget(self, now_s: float) -> None:
        self._answers = {
            key: one for key, one in self._answers.items() if now_s - one.asked_s < GOOD_FOR_S
        }
