import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from pipelines.supervisor import Child, Supervisor
from tests.support.waiting import until

SAY = "import json, sys; print(json.dumps({'event': 'up'}), flush=True); sys.stdin.read()"


def child(code: str, events: list[object] | None = None) -> Child:
    on_line: Callable[[dict[str, object]], None] | None = (
        events.append if events is not None else None
    )
    return Child(name="test", command=[sys.executable, "-c", code], on_line=on_line)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_is_killed_comes_back_and_a_stop_is_final() -> None:
    supervisor, events = Supervisor(), []
    one = supervisor.add(child(SAY, events))
    until(lambda: len(events) == 1)
    first = one.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor.check() or one.starts == 2)  # type: ignore[func-returns-value]
    until(lambda: len(events) == 2)
    assert one.pid != first
    second = one.pid
    supervisor.stop()
    assert second is not None
    assert gone(second)
    assert one.pid is None


def test_a_child_that_dies_at_once_is_not_started_in_a_loop() -> None:
    one = child("raise SystemExit(3)")
    one.start()
    ends_s = time.monotonic() + 2.0
    while time.monotonic() < ends_s:
        one.check()
        time.sleep(0.02)
    assert 2 <= one.starts <= 5
    one.stop()


def test_a_child_that_can_t_be_started_is_tried_again_and_keeps_nobody_waiting() -> None:
    events: list[object] = []
    one = child(SAY, events)
    good, one.command = one.command, ["/no/such/program"]
    began_s = time.monotonic()
    one.check()
    assert time.monotonic() - began_s < 1
    assert one.pid is None
    one.command = good
    until(lambda: one.check() or one.starts == 1)  # type: ignore[func-returns-value]
    until(lambda: len(events) == 1)
    one.stop()


def test_a_line_that_is_no_json_is_borne() -> None:
    events: list[object] = []
    one = child("print('Traceback'); " + SAY, events)
    one.start()
    until(lambda: len(events) == 1)
    one.stop()


PARENT = """
import sys, time
from pipelines.supervisor import Child
child = Child(name="grandchild", command=[sys.executable, "-c", "import time; time.sleep(60)"])
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_nothing_is_left_over_when_the_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    until(lambda: gone(grandchild), limit_s=5)
