"""What programs say to each other on loopback: every byte of TCP, by connection."""

import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator
from types import TracebackType
from typing import Self

ETH_P_IP = 0x0800
PACKET_OUTGOING = 4
"""Loopback shows each packet twice: as it leaves, and as it comes."""

TCP = 6
LARGEST = 1 << 17
ROOM = 1 << 26
"""Of the kernel: 64 MB, so that nothing is missed while this thread waits."""


class Overheard:
    """Listens while it is entered. Needs root."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, ROOM)  # SO_RCVBUFFORCE
        self._socket.bind(("lo", ETH_P_IP))
        self._socket.settimeout(0.2)
        self._pieces: dict[tuple[int, int], dict[int, bytes]] = defaultdict(dict)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def said(self, *, but_from: int) -> Iterator[tuple[str, bytes]]:
        """Yield what each side of each connection said, but for what came from one port."""
        for (source, target), pieces in list(self._pieces.items()):
            if source != but_from:
                ordered = (pieces[number] for number in sorted(pieces))
                yield f"port {source} to {target}", b"".join(ordered)

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                packet, address = self._socket.recvfrom(LARGEST)
            except TimeoutError:
                continue
            if address[2] == PACKET_OUTGOING:
                self._take(packet[14:])

    def _take(self, packet: bytes) -> None:
        if len(packet) < 40 or packet[9] != TCP:
            return
        head = (packet[0] & 15) * 4
        source, target, number = struct.unpack_from("!HHI", packet, head)
        payload = packet[
            head + (packet[head + 12] >> 4) * 4 : struct.unpack_from("!H", packet, 2)[0] or None
        ]
        if payload:
            # One connection's numbers; another of the same ports begins elsewhere.
            self._pieces[source, target].setdefault(number, payload)
