"""Who is to stop keeps nobody busy meanwhile."""

import time

import pytest

from service.dispatch import outbox
from service.dispatch.outbox import TargetSender
from tests.service.helpers import Parts
from tests.support.waiting import until


def test_a_sender_that_is_to_stop_is_asked_no_more(
    lone: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TargetSender] = []
    step = TargetSender.step

    def counted(sender: TargetSender) -> None:
        asked.append(sender)
        step(sender)

    monkeypatch.setattr(TargetSender, "step", counted)
    monkeypatch.setattr(outbox, "POLL_S", 0.01)
    lone.outbox.tend()
    senders = len(lone.book.names())
    until(lambda: len({*asked}) == senders)
    lone.outbox.ask_to_stop()
    before = len(asked)
    time.sleep(0.2)  # the others end their steps: that may take a while
    lone.outbox.join()
    assert len(asked) <= before + senders
