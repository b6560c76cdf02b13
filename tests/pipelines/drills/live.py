"""A drill server in a thread, and clients: PyAV for pictures, a plain socket for the protocol."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import av

from pipelines.drills.clip import nal_units
from pipelines.drills.rtsp import Limits, Login, Mount, RtspServer, Watcher

av.logging.set_level(None)

QUICK = {"rtsp_transport": "tcp", "probesize": "32", "analyzeduration": "0"}


@contextlib.contextmanager
def served(
    mounts: Sequence[Mount],
    *,
    login: Login | None = None,
    limits: Limits | None = None,
    watcher: Watcher | None = None,
) -> Iterator[tuple[RtspServer, int]]:
    """Serve from a thread's event loop; yields the server and its port."""
    ready: threading.Event = threading.Event()
    made: list[tuple[RtspServer, int, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        server = RtspServer(mounts, login=login, limits=limits, watcher=watcher)
        stop = asyncio.Event()
        made.append((server, await server.start(), asyncio.get_running_loop(), stop))
        ready.set()
        await stop.wait()
        await server.stop()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(5)
    server, port, loop, stop = made[0]
    try:
        yield server, port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        assert not thread.is_alive()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A packet as a client got it."""

    pts: int | None
    key: bool
    nals: tuple[bytes, ...]
    at_s: float


def play(url: str, packets: int) -> list[Seen]:
    """Return that many packets of a stream, or all until it ends."""
    seen: list[Seen] = []
    with av.open(url, format="rtsp", options=QUICK, timeout=5) as container:
        for packet in container.demux(video=0):
            if packet.size:
                nals = tuple(nal_units(bytes(packet)))
                arrived = time.monotonic()
                seen.append(Seen(pts=packet.pts, key=packet.is_keyframe, nals=nals, at_s=arrived))
            if len(seen) == packets:
                break
    return seen


@dataclass(slots=True)
class Plain:
    """RTSP by hand."""

    port: int
    receive_bytes: int | None = None
    sock: socket.socket = field(init=False)
    sequence: int = 0

    def __post_init__(self) -> None:
        self.sock = socket.socket()
        if self.receive_bytes is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_bytes)
        self.sock.settimeout(5)
        self.sock.connect(("127.0.0.1", self.port))

    def __enter__(self) -> "Plain":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, str]:
        """Return status and text of the reply; not to be used once packets flow."""
        self.sequence += 1
        lines = [f"{method} rtsp://127.0.0.1:{self.port}/{path} RTSP/1.0", f"CSeq: {self.sequence}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode())
        text = b""
        while b"\r\n\r\n" not in text:
            text += self.sock.recv(1 if method == "PLAY" else 4096)
        return int(text.split(b" ")[1]), text.decode()

    def start(self, path: str) -> str:
        """Set up and play; return the session."""
        status, text = self.ask("SETUP", f"{path}/trackID=0", Transport="RTP/AVP/TCP;unicast")
        assert status == 200
        found = re.search(r"Session: (\w+)", text)
        assert found is not None
        assert self.ask("PLAY", path, Session=found[1])[0] == 200
        return found[1]

    def closed(self) -> bool:
        """Read until the server closes; False if it doesn't within five seconds."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        return True
