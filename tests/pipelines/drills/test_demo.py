"""What the demo does by itself; the whole of it runs in ``tests/e2e``."""

import socket
from pathlib import Path

import pytest

from pipelines import streams
from pipelines.drills import demo as demos
from pipelines.drills.demo import Demo, DemoError, DemoSettings, free_port
from pipelines.drills.scenes import SCENES
from pipelines.messages import Heartbeat
from tests.support.builders import at
from tests.support.redis_server import RedisServer


def demo(tmp_path: Path, lines: list[str], port: int = 0) -> Demo:
    return Demo(
        DemoSettings(
            run_for_s=1.0, state_dir=tmp_path, console_port=port, tell=lines.append
        )
    )  # fmt: skip


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_does_not_exist_is_said_before_anything_starts(
    tmp_path: Path, port: int
) -> None:
    with pytest.raises(DemoError, match="give --port 0 to 65535"):
        demo(tmp_path, [], port).run()


def test_a_port_that_only_waits_is_free_and_a_held_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = listener.accept()
        assert free_port(port) != port
    served.close()  # the side that closes first keeps the port in TIME_WAIT
    assert client.recv(1) == b""
    client.close()
    assert free_port(port) == port


def test_after_a_restart_no_drill_can_join_the_one_before() -> None:
    drill_merge_gap_s = 20.0  # service.incidents.merge.DRILL_MERGE_GAP_S, which is out of reach
    for scene in SCENES.values():
        assert demos.QUIET_FIRST_S + scene.onset_s > drill_merge_gap_s
        assert scene.loop_s - scene.clear_s >= demos.QUIET_FIRST_S


def test_what_cannot_be_read_in_the_streams_is_skipped_and_told(tmp_path: Path) -> None:
    lines: list[str] = []
    made = demo(tmp_path, lines)
    beat = Heartbeat(
        worker_id="w", epoch=1, at=at(0), cameras=3, cameras_connected=3, frames_received=0,
        frames_decoded=0, frames_analysed=7, drops={}, alerts=0, spool_entries=0,
    )  # fmt: skip
    with RedisServer() as server:
        made._client = client = streams.connect(server.url)
        for stream in (streams.HEARTBEATS, streams.DISPATCH_DRILL):
            for fields in ({"body": "garbage"}, {"other": "x"}, {"body": "[" * 60_000}):
                client.xadd(stream.name, fields)
        streams.add(client, streams.HEARTBEATS, beat)
        made._read()
        client.close()
    figures = made._tally.report(cameras=0, alerts=0, incidents=0)
    assert (figures["unreadable_entries"], figures["frames_analysed"]) == (6, 7)
    assert len(lines) == 1
    assert "is skipped" in lines[0]
