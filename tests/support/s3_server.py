"""A real S3 server for tests: moto's, a process of its own on a free port of the loopback."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx

from tests.support.redis_server import free_port

START_LIMIT_S = 60.0

KEY_ID = "AKIDOFTHETESTS"
SECRET = "a-secret-that-no-text-holds"


@contextlib.contextmanager
def s3_server(bucket: str = "evidence") -> Iterator[dict[str, str]]:
    """Run it with one bucket; yields the environment that leads to it."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    signed = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/us-east-1/s3/aws4_request"
    }
    try:
        ends_s = time.monotonic() + START_LIMIT_S
        while True:
            try:
                httpx.put(f"{address}/{bucket}", headers=signed).raise_for_status()
                break
            except httpx.TransportError:
                assert server.poll() is None, "moto's server ended"
                assert time.monotonic() < ends_s, "moto's server does not answer"
                time.sleep(0.1)
        yield {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
        }
    finally:
        server.terminate()
        server.wait()
