"""A login of any length and any characters, from where it is sealed to where a camera reads it."""

import base64
import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pipelines import faults
from pipelines.address import registered_address
from pipelines.drills.clip import Clip
from pipelines.drills.encoder import encode
from pipelines.drills.rtsp import Login, Mount
from pipelines.drills.rtsp_text import Request
from pipelines.drills.scenes import SCENES
from pipelines.metrics import WorkerMetrics
from pipelines.rtsp.networks import LOOPBACK
from pipelines.sealing import host_of, key_pair, open_sealed, seal
from pipelines.source import CameraSource
from tests.pipelines.drills.live import served

ODD = ("pa:ss/ö w@rd?#%" * 14)[:200]
LONGEST = "密🔥" * 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic(Login):
    """Lets in by Basic alone (RFC 7617)."""

    def challenge(self, nonce: str) -> str:
        return f'Basic realm="{self.realm}"'

    def admits(self, request: Request, nonce: str) -> bool:
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {pair}"


@pytest.fixture(scope="module")
def clip() -> Clip:
    scene = replace(SCENES["street_fire"], onset_s=0.5, clear_s=1.5, loop_s=2.0)
    return encode(scene, lambda _done, _of: None)


@pytest.mark.parametrize(("user", "password"), [("gate", ODD), ("管理 @/?#%" * 28, LONGEST)])
@pytest.mark.parametrize("scheme", [Login, Basic])
def test_a_long_login_full_of_odd_characters_opens_and_a_wrong_one_does_not(
    scheme: type[Login], user: str, password: str, clip: Clip, tmp_path: Path
) -> None:
    key = key_pair(tmp_path / "worker.key")
    lets_in = scheme(user=user, password=password)
    with served([Mount(name="clip", clip=clip)], login=lets_in) as (server, port):
        url = f"rtsp://127.0.0.1:{port}/clip"

        def looks(given: str) -> int:
            """Return how many looks come of two, with a password that was sealed and opened."""
            sealed = seal(key.public_key(), "gate", [host_of(url)], user, given)
            login = open_sealed([key], sealed, "gate", host_of(url))
            metrics = WorkerMetrics(CollectorRegistry())
            address = registered_address(url, login)
            source = CameraSource("gate", address, (288, 512), metrics, LOOPBACK)
            return len(list(itertools.islice(source.looks(lambda: False), 2)))

        assert looks(password) == 2
        assert server.counters.failed_logins == 0
        with pytest.raises(faults.UnauthorizedError) as caught:
            looks(password[:-1])
        assert password[:-1] not in str(caught.value)
