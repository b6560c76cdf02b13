"""A server that answers as wvp-GB28181-pro does: channels by GB id, addresses that expire."""

import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pipelines.drills.clip import Clip
from pipelines.drills.rtsp import Mount, RtspServer

KEY = "eyJhbGciOiJSUzI1NiJ9.eyJhcGlLZXlJZCI6MX0.s2ln"
PLAY = "/api/common/channel/play"
LIST = "/api/common/channel/list"

Answer = tuple[int, dict[str, str], bytes]


class WvpServer:
    """``with WvpServer(channels, start=…)``: ``start`` gives a channel's stream an address."""

    def __init__(self, channels: dict[str, int], start: Callable[[str], str]) -> None:
        self.channels = channels
        """Its rows' numbers by their GB ids."""
        self.start = start
        self.key = KEY
        self.asked: list[str] = []
        """Paths, in order."""
        self.at_once = 0
        self.most_at_once = 0
        self.code = 0
        """What it says of each play; anything but 0 is a failure."""
        self.lie: Callable[[str], Answer] | None = None
        """Answers in its place, by path."""
        self.slow_s = 0.0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, headers, body = outer._counted(self.path, dict(self.headers))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def plays(self) -> int:
        """How often it was asked for an address."""
        return self.asked.count(PLAY)

    def _counted(self, target: str, headers: dict[str, str]) -> Answer:
        path = urlsplit(target).path
        with self._lock:
            self.asked.append(path)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            time.sleep(self.slow_s)
            return self._answer(target, headers) if self.lie is None else self.lie(path)
        finally:
            with self._lock:
                self.at_once -= 1

    def _answer(self, target: str, headers: dict[str, str]) -> Answer:
        if headers.get("api-key") != self.key:
            return told(401, "请登录后重新请求", None, status=401)
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == LIST:
            wanted = query.get("query", "")
            rows = [
                {"gbId": number, "gbDeviceId": gb_id, "gbName": "北门", "gbPassword": "x"}
                for gb_id, number in self.channels.items()
                if wanted in gb_id
            ]
            count = int(query["count"])
            return told(0, "成功", {"total": len(rows), "list": rows[:count]})
        names = {str(number): gb_id for gb_id, number in self.channels.items()}
        gb_id = names.get(query.get("channelId", ""))
        if parts.path != PLAY:
            return told(404, "资源未找到", None, status=404)
        if gb_id is None:
            return told(100, "通道不存在", None)
        if self.code:
            return told(self.code, "点播超时", None)
        url = self.start(gb_id)
        return told(0, "成功", {"app": "rtp", "rtsp": url, "rtsps": None, "flv": "http://x/y.flv"})


def told(code: int, text: str, data: Any, status: int = 200) -> Answer:
    """What WVP answers: all of it in one envelope."""
    body = json.dumps({"code": code, "msg": text, "data": data}, ensure_ascii=False).encode()
    return status, {"Content-Type": "application/json;charset=UTF-8"}, body


class Expiring:
    """Streams of a real RTSP server whose addresses hold a token, and are unknown without it."""

    def __init__(self, server: RtspServer, port: int, clip: Clip) -> None:
        self._server, self._port, self._clip = server, port, clip
        self.given: list[str] = []
        """Every token, the newest last."""

    def start(self, gb_id: str) -> str:
        """Return an address that works until it expires."""
        token = secrets.token_hex(12)
        self.given.append(token)
        name = f"{gb_id}_{token}"
        mount = Mount(name=name, clip=self._clip, restart_per_client=True)
        self._server.mounts[name] = mount
        return f"rtsp://127.0.0.1:{self._port}/{name}?callId={token}"

    def expire(self) -> None:
        """Forget every address that was given, and cut who streams."""
        self._server.mounts.clear()
        for connection in tuple(self._server.connections):
            connection.cut()
