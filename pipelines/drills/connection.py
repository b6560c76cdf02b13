"""One client of the RTSP server: its requests in, the frames of its mount out."""

import asyncio
import secrets
import socket
from dataclasses import dataclass, field
from typing import Protocol, cast, runtime_checkable

from pipelines.drills.rtp import interleaved
from pipelines.drills.rtsp_text import (
    METHODS,
    BadRequestError,
    Login,
    Reply,
    Request,
    describe,
    take_request,
    tcp_channels,
)
from pipelines.drills.rtsp_types import Counters, Limits, Mount, Watcher
from pipelines.drills.timeline import Shipment, Timeline


@runtime_checkable
class House(Protocol):
    """What a connection needs of its server."""

    mounts: dict[str, Mount]
    """By name."""
    login: Login | None
    """Whom to let in; None is everybody."""
    limits: Limits
    """What a client may cost."""
    watcher: Watcher
    """Whom to tell what has left."""
    counters: Counters
    """What happened."""
    connections: "set[Connection]"
    """All that are open."""

    def timeline_for(self, mount: Mount) -> Timeline:
        """Return the clock of a mount."""

    def retire(self, mount: Mount, timeline: Timeline) -> None:
        """Take a clock back."""


@dataclass(slots=True, kw_only=True)
class _Session:
    """What a client has set up."""

    name: str
    """Its identifier."""
    mount: Mount
    """What it wants to see."""
    channel: int
    """The interleaved channel of RTP."""
    timeline: Timeline | None = None
    """The clock it plays by, once it plays."""
    playing: bool = False
    """Whether PLAY was answered."""
    unsent: list[Shipment] = field(default_factory=list)
    """Written, but perhaps not yet with the operating system."""


class Connection(asyncio.Protocol):
    """One client: reads requests, sends what its timeline ships."""

    def __init__(self, server: House) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._nonce = secrets.token_hex(16)
        self._failed_logins = 0
        self._session: _Session | None = None
        self._full = False
        self._heard_s = 0.0
        self._expiry: asyncio.TimerHandle | None = None
        self._answers = {
            "OPTIONS": self._options,
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "GET_PARAMETER": self._get_parameter,
            "TEARDOWN": self._teardown,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or close it when there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        server = self._server
        if len(server.connections) >= server.limits.clients:
            server.counters.refused_clients += 1
            self._transport.abort()
            return
        server.counters.clients += 1
        server.connections.add(self)
        self._transport.set_write_buffer_limits(high=0)  # then resuming means: all has left
        if server.limits.kernel_buffer_bytes is not None:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, server.limits.kernel_buffer_bytes)
        self._heard_s = asyncio.get_running_loop().time()
        self._check_expiry()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget the client."""
        self._server.connections.discard(self)
        if self._expiry is not None:
            self._expiry.cancel()
        self._leave()

    def pause_writing(self) -> None:
        """Note that something hasn't left yet."""
        self._full = True

    def resume_writing(self) -> None:
        """Report what has left now."""
        self._full = False
        self._report()

    def data_received(self, data: bytes) -> None:
        """Answer every whole request; skip what the client sends on RTP channels (RTCP)."""
        self._heard_s = asyncio.get_running_loop().time()
        self._received += data
        try:
            while request := take_request(self._received):
                self._answer(request)
        except BadRequestError:
            self._server.counters.bad_requests += 1
            self.end()

    def _answer(self, request: Request) -> None:
        """Send the reply, then whatever it sets going."""
        reply = self._refusal(request) or self._answers[request.method](request)
        self._write(reply.encode(request.headers.get("cseq", "0")))
        over = request.method == "TEARDOWN" and reply.status == 200
        if over or self._failed_logins > self._server.limits.logins:
            self.end()
        elif request.method == "PLAY" and reply.status == 200:
            self._watch()

    def _refusal(self, request: Request) -> Reply | None:
        """Return why a request isn't answered, or None."""
        if request.version != "RTSP/1.0":
            return Reply(status=505)
        if request.method not in METHODS:
            return Reply(status=405, headers={"Allow": ", ".join(METHODS)})
        if request.method == "OPTIONS":
            return None  # cameras answer it to everybody
        return self._login_refusal(request) or self._session_refusal(request)

    def _login_refusal(self, request: Request) -> Reply | None:
        """Return the challenge, unless there is no login or the request proves it."""
        login = self._server.login
        if login is None or login.admits(request, self._nonce):
            return None
        if "authorization" in request.headers:
            self._failed_logins += 1
            self._server.counters.failed_logins += 1
        return Reply(status=401, headers={"WWW-Authenticate": login.challenge(self._nonce)})

    def _session_refusal(self, request: Request) -> Reply | None:
        """Return why the request's session won't do (RFC 2326, 11.3), or None."""
        named = request.headers.get("session", "").partition(";")[0]
        if not named and request.method not in {"PLAY", "TEARDOWN"}:
            return None
        if self._session is None:
            return Reply(status=454 if named else 455)
        return None if named == self._session.name else Reply(status=454)

    def _options(self, _request: Request) -> Reply:
        return Reply(status=200, headers={"Public": ", ".join(METHODS)})

    def _describe(self, request: Request) -> Reply:
        mount = self._server.mounts.get(request.mount)
        if mount is None:
            return Reply(status=404)
        base = request.uri.rstrip("/") + "/"
        headers = {"Content-Base": base, "Content-Type": "application/sdp"}
        return Reply(status=200, headers=headers, body=describe(mount.name, mount.clip))

    def _setup(self, request: Request) -> Reply:
        mount = self._server.mounts.get(request.mount)
        if mount is None:
            return Reply(status=404)
        if self._session is not None:
            return Reply(status=455)
        channels = tcp_channels(request.headers.get("transport", ""))
        if channels is None:
            self._server.counters.refused_transports += 1
            return Reply(status=461)
        session = _Session(name=secrets.token_hex(8), mount=mount, channel=channels[0])
        self._session = session
        transport = f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]}"
        return Reply(status=200, headers={"Transport": transport, **self._session_header()})

    def _session_header(self) -> dict[str, str]:
        if self._session is None:
            return {}
        seconds = max(int(self._server.limits.session_s), 1)
        return {"Session": f"{self._session.name};timeout={seconds}"}

    def _play(self, request: Request) -> Reply:
        session = self._session
        if session is None:
            return Reply(status=455)
        if session.timeline is None:
            session.timeline = self._server.timeline_for(session.mount)
        number, stamp = session.timeline.first
        track = request.uri.rstrip("/").removesuffix("/trackID=0") + "/trackID=0"
        info = f"url={track};seq={number};rtptime={stamp}"
        headers = {"Range": "npt=now-", "RTP-Info": info, **self._session_header()}
        return Reply(status=200, headers=headers)

    def _watch(self) -> None:
        """Start the clock if this is the first client, and watch; a second PLAY changes nothing."""
        session = self._session
        if session is not None and session.timeline is not None and not session.playing:
            session.playing = True
            session.timeline.begin()
            session.timeline.join(self)

    def _get_parameter(self, _request: Request) -> Reply:
        return Reply(status=200, headers=self._session_header())

    def _teardown(self, _request: Request) -> Reply:
        return Reply(status=200)

    def take(self, shipment: Shipment) -> None:
        """Send an access unit, or cut the client if it reads too slowly."""
        transport, session = self._transport, self._session
        if transport is None or session is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > self._server.limits.buffer_bytes:
            self._server.counters.slow_clients += 1
            transport.abort()
            return
        session.unsent.append(shipment)
        self._write(b"".join(interleaved(session.channel, p) for p in shipment.packets))
        if not self._full:
            self._report()

    def cut(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def end(self) -> None:
        """Close the connection once what is written has left."""
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _report(self) -> None:
        """Tell the watcher what has left."""
        session = self._session
        if session is None:
            return
        gone, session.unsent = session.unsent, []
        for shipment in gone:
            self._server.watcher.left(session.mount.name, shipment.cycle, shipment.at_s)

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None and session.timeline is not None:
            session.timeline.leave(self)
            self._server.retire(session.mount, session.timeline)

    def _check_expiry(self) -> None:
        """Close the connection after silence; look again when that could be."""
        loop = asyncio.get_running_loop()
        left_s = self._heard_s + self._server.limits.session_s - loop.time()
        if left_s <= 0:
            self._server.counters.expired_sessions += 1
            self.cut()
            return
        self._expiry = loop.call_later(left_s, self._check_expiry)
