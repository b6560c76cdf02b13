"""RTSP servers for tests: GStreamer's, which is real and foreign, and one that behaves badly."""

import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

SYSTEM_PYTHON = Path("/usr/bin/python3")
SCRIPT = Path(__file__).with_name("gst_server.py")


def clip_launch(path: Path) -> str:
    """A mount that plays an H.264 file once."""
    return f"( filesrc location={path} ! qtdemux ! rtph264pay name=pay0 pt=96 config-interval=1 )"


@contextlib.contextmanager
def gst_server(mounts: dict[str, dict[str, str]]) -> Iterator[str]:
    """Serve the mounts; yields ``127.0.0.1:port``."""
    probe = [SYSTEM_PYTHON, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')"]
    if (
        not SYSTEM_PYTHON.exists()
        or subprocess.run(probe, capture_output=True, check=False).returncode
    ):
        pytest.skip(
            "needs Debian's gir1.2-gst-rtsp-server-1.0: run deploy/system-packages.sh as root"
        )
    process = subprocess.Popen(
        [SYSTEM_PYTHON, SCRIPT, json.dumps(mounts)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextlib.contextmanager
def tcp_server(answer: bytes | None) -> Iterator[str]:
    """Accept connections; answer the first request with ``answer``, or never say anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()
        held: list[socket.socket] = []

        def serve() -> None:
            while not done.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    held.append(client)
                    client.settimeout(2)
                    client.recv(4096)
                    if answer is not None:
                        client.sendall(answer)

        listener.settimeout(0.2)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            thread.join()
            for client in held:
                client.close()
