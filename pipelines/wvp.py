"""Addresses from wvp-GB28181-pro, 2.7.3 and later: its API as its own console uses it.

Read in its source (``CommonChannelController`` of 2.7.3, commit 0ed395f; ``ChannelController`` of a
later one, commit 01e7240): a channel is found by its GB id in ``/api/common/channel/list``, and
played by its row's number. So cameras, pushed streams and relayed ones are alike, and no device's
id is needed.
"""

from typing import Any, Final

from pipelines.faults import (
    PlatformAnswerError,
    PlatformChannelError,
    PlatformRefusedError,
    PlatformStreamError,
)
from pipelines.platform_http import PlatformHttp

LIST_TIMEOUT_S: Final = 10.0

PLAY_TIMEOUT_S: Final = 25.0
"""It waits 18 s for a camera itself (``play-timeout``) and then says so."""

KEY_HEADER: Final = "api-key"

_REFUSED: Final = frozenset({401, 403})
_DONE: Final = 0


class Wvp:
    """One platform of this kind; any thread may ask."""

    def __init__(self, name: str, http: PlatformHttp) -> None:
        self._where = f"platform {name}"
        self._http = http
        self._rows: dict[str, int] = {}

    def address(self, gb_id: str) -> str:
        """Return where a channel's stream is from now on for a while. Raises ``PlatformError``."""
        row = self._rows.get(gb_id)
        if row is None:
            row = self._rows[gb_id] = self._row(gb_id)
        query = {"channelId": str(row)}
        code, data = self._ask("/api/common/channel/play", query, PLAY_TIMEOUT_S)
        if code != _DONE:
            self._rows.pop(gb_id, None)  # it may have another number since
            raise PlatformStreamError(self._where, f"it could not start {gb_id} (code {code})")
        found = data if isinstance(data, dict) else {}
        url = found.get("rtsp") or found.get("rtsps")
        if not isinstance(url, str):
            raise PlatformAnswerError(self._where, "its answer has no RTSP address")
        return url

    def _row(self, gb_id: str) -> int:
        query = {"page": "1", "count": "10", "query": gb_id}
        code, data = self._ask("/api/common/channel/list", query, LIST_TIMEOUT_S)
        rows = data.get("list") if isinstance(data, dict) else None
        if code != _DONE or not isinstance(rows, list):
            raise PlatformAnswerError(self._where, f"it lists no channels (code {code})")
        found = [
            row["gbId"]
            for row in rows
            if isinstance(row, dict)
            and row.get("gbDeviceId") == gb_id
            and isinstance(row.get("gbId"), int)
        ]
        if len(found) != 1:
            what = f"it has {len(found)} channels with the GB id {gb_id}"
            raise PlatformChannelError(self._where, what)
        return int(found[0])

    def _ask(self, path: str, query: dict[str, str], timeout_s: float) -> tuple[int, Any]:
        """Return its code and what it gives. Raises ``PlatformError``."""
        answer = self._http.get(path, query, timeout_s)
        body = answer.body if isinstance(answer.body, dict) else {}
        code = body.get("code")
        if answer.status in _REFUSED or code in _REFUSED:
            raise PlatformRefusedError(self._where, "it doesn't take the key")
        if answer.status != 200 or not isinstance(code, int):
            what = f"its answer to {path} is none of this kind of platform (HTTP {answer.status})"
            raise PlatformAnswerError(self._where, what)
        return code, body.get("data")
