"""Many feeds at once; ``crowd`` as a script measures 200."""

import asyncio
import socket

from tests.service.feed.crowd import gather, logins, share
from tests.service.helpers import ON_SQLITE, Parts
from tests.service.process import serving


@ON_SQLITE
def test_fifty_feeds_hear_all_in_time_and_one_that_reads_nothing_delays_none(given: Parts) -> None:
    secrets = logins(given.database, 5, 11)
    with serving(given.settings) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            head = f"GET /api/feed HTTP/1.1\r\nHost: {host}\r\n"
            slow.sendall(f"{head}Authorization: Bearer {secrets[0]}\r\n\r\n".encode())
            crowd = asyncio.run(gather(url, secrets[5:], given.client, events=20, per_s=10.0))
    assert [len(one) for one in crowd.heard] == [20] * 50
    assert share(crowd.late_s, 0.5) < 2.0
