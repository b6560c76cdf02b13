"""Which networks are a camera's: its place's nearest line, inside the installation's."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, load_pack
from pipelines import streams
from pipelines.address import camera_address
from pipelines.drills.clip import Clip
from pipelines.drills.encoder import encode
from pipelines.drills.rtsp import Mount, RtspServer
from pipelines.drills.scenes import SCENES
from pipelines.estate import Estate
from pipelines.faults import PlaceUnknownError
from pipelines.flow import Flow
from pipelines.jurisdictions import _CODE, NO_JURISDICTIONS, Jurisdictions, read_jurisdictions
from pipelines.messages import Alert, Camera, CameraState, WatchState
from pipelines.metrics import WorkerMetrics
from pipelines.registry import Change
from pipelines.rtsp.networks import LOOPBACK, Networks, NetworksError
from pipelines.secrets import Secret
from pipelines.states import States
from pipelines.worker import check
from pipelines.worker_settings import WorkerSettings
from service.places.codes import MUNICIPALITIES, PROVINCES, PlaceCodeError, level_of
from tests.pipelines.drills.live import served
from tests.support.waiting import until
from vision.hazards import Hazard

FILE = """
"654300" = ["10.43.0.0/16"]
"654301002" = ["10.43.8.0/24", "fd43::/64"]
"654322" = []
"""

CITY = ("0", "654300")


def written(directory: Path, text: str) -> Path:
    path = directory / "networks.toml"
    path.write_text(text, "utf-8")
    return path


def camera(*place: str) -> Camera:
    return Camera(camera_id="c", url="rtsp://10.43.8.9/x", place=place)


@pytest.mark.parametrize(
    ("place", "listed"),
    [
        (CITY, "654300"),
        ((*CITY, "654301"), "654300"),
        ((*CITY, "654301", "654301002"), "654301002"),
        ((*CITY, "654301", "654301002", "654301002003"), "654301002"),
        ((*CITY, "654322"), "654322"),
        (("0", "654200"), None),
        (("0",), None),
    ],
)
def test_the_nearest_line_counts_alone(
    tmp_path: Path, place: tuple[str, ...], listed: str | None
) -> None:
    networks = read_jurisdictions(written(tmp_path, FILE)).narrow(Networks(), camera(*place))
    assert networks.allowed == Networks().allowed
    assert (networks.of_place and networks.of_place.code) == listed


def test_a_line_for_the_root_is_for_all_that_have_none(tmp_path: Path) -> None:
    found = read_jurisdictions(written(tmp_path, FILE + '"0" = []'))
    networks = found.narrow(Networks(), camera("0", "654200"))
    assert networks.of_place is not None
    assert networks.of_place.allowed == ()
    assert found.narrow(Networks(), camera(*CITY)).of_place != networks.of_place


@pytest.mark.parametrize("place", [("654322",), ("654301", "654300", "0"), ("650000", "0")])
def test_a_place_that_is_not_told_from_the_root_down_is_refused(
    tmp_path: Path, place: tuple[str, ...]
) -> None:
    found = read_jurisdictions(written(tmp_path, FILE + '"0" = []\n'))
    with pytest.raises(PlaceUnknownError, match="not told from the root down"):
        found.narrow(Networks(), camera(*place))


def test_without_a_file_a_place_is_of_no_account() -> None:
    for place in ((), CITY):
        assert NO_JURISDICTIONS.narrow(LOOPBACK, camera(*place)) == LOOPBACK


def test_with_a_file_a_camera_whose_place_nobody_says_is_refused(tmp_path: Path) -> None:
    found = read_jurisdictions(written(tmp_path, FILE))
    with pytest.raises(PlaceUnknownError, match=r"c: its place is not known.*place = ") as caught:
        found.narrow(Networks(), camera())
    assert caught.value.code == "network_refused"
    settings = WorkerSettings(
        worker_id="w",
        redis_url=Secret("redis://127.0.0.1:1/0"),
        spool_dir=tmp_path,
        cameras=(camera(),),
        jurisdictions=found,
    )
    with pytest.raises(PlaceUnknownError):
        check(settings)  # so a parent of several starts none
    check(dataclasses.replace(settings, cameras=(camera(*CITY),)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no place: write lines as"),
        ('"654300" = ["10.43.0.0/16"', "Unclosed array.*: write lines as"),
        ("654300 = [", "write lines as"),
        ('"654300" = "10.43.0.0/16"', "place '654300': write its networks as a list"),
        ('"654300" = [10]', "place '654300': write its networks as a list"),
        ('"654300" = ["10.43.0.1/16"]', "place '654300': '10.43.0.1/16' is no network: write"),
        ('"654300" = [""]', "place '654300': '' is no network: write"),
        ('[networks]\n"654300" = []', "place 'networks': no place has this code: write"),
        ('"650000" = []', "place '650000': no place has this code"),
        ('"654301000" = []', "place '654301000': no place has this code"),
        ('"６５４３００" = []', "no place has this code"),
        ('"654300" = []\n"654300" = []', "write lines as"),
        ("x = " + "[" * 5000, "nested too deeply"),
        ("x = " + "9" * 5000, "write lines as"),
    ],
)
def test_a_mistake_is_told_with_file_place_and_what_to_do(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(NetworksError, match=words) as caught:
        read_jurisdictions(written(tmp_path, text))
    assert "networks.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_can_t_be_read(tmp_path: Path) -> None:
    with pytest.raises(NetworksError, match="No such file"):
        read_jurisdictions(tmp_path / "none.toml")
    with pytest.raises(NetworksError, match="larger than"):
        read_jurisdictions(Path("/dev/zero"))


@given(
    st.sampled_from(sorted(map(str, PROVINCES | set(map(int, MUNICIPALITIES))))),
    st.text("019", max_size=17),
)
def test_a_line_may_be_for_every_code_that_the_tree_takes_and_no_other(
    province: str, rest: str
) -> None:
    code = province + rest
    with contextlib.suppress(PlaceCodeError):
        level_of(code)
        assert _CODE.fullmatch(code), code
        return
    assert not _CODE.fullmatch(code), code


# ---- with real connections

A, B = ("0", "654300", "654301"), ("0", "654300", "654322")


@pytest.fixture(scope="module")
def clip() -> Clip:
    scene = dataclasses.replace(SCENES["street_fire"], onset_s=0.5, clear_s=1.5, loop_s=2.0)
    return encode(scene, lambda _done, _of: None)


@dataclasses.dataclass(slots=True, kw_only=True)
class Rig:
    """An estate that connects, and a camera that counts who does."""

    estate: Estate
    states: States
    server: RtspServer
    url: str

    def told(self, revision: int, *place: str, **changes: tuple[Hazard, ...]) -> list[Alert]:
        registered = msgspec.structs.replace(
            Camera(camera_id="c", url=self.url, place=place), **changes
        )
        return self.estate.apply(Change(camera_id="c", revision=revision, camera=registered))

    @property
    def state(self) -> CameraState:
        return self.states._now["c"]

    def is_refused(self) -> bool:
        return (self.state.state, self.state.fault) == (WatchState.FAULT, "network_refused")

    def is_watched(self) -> bool:
        return self.state.state is WatchState.WATCHING


Made = Callable[[Jurisdictions], Rig]


@pytest.fixture
def rig(clip: Clip) -> Iterator[Made]:
    with contextlib.ExitStack() as stack:
        server, port = stack.enter_context(served([Mount(name="clip", clip=clip)]))

        def make(jurisdictions: Jurisdictions) -> Rig:
            metrics = WorkerMetrics(CollectorRegistry())
            client = streams.connect(Secret("redis://127.0.0.1:1/0"))
            states = States(client, "w", 1, metrics)
            flow = Flow(pack=load_pack(DEFAULT_PACK), drills=frozenset(), epoch=1, metrics=metrics)
            made = Estate(
                flow=flow,
                states=states,
                address=lambda camera: camera_address(camera.url),
                metrics=metrics,
                networks=LOOPBACK,
                jurisdictions=jurisdictions,
            )
            made.start()
            stack.callback(made.stop)
            return Rig(
                estate=made, states=states, server=server, url=f"rtsp://127.0.0.1:{port}/clip"
            )

        yield make


def lines(directory: Path, text: str) -> Jurisdictions:
    return read_jurisdictions(written(directory, text))


def test_a_camera_at_an_address_of_another_place_s_gets_no_connection(
    tmp_path: Path, rig: Made
) -> None:
    made = rig(lines(tmp_path, '"654301" = ["10.43.0.0/16"]\n"654322" = ["127.0.0.0/8"]'))
    made.told(1, *A)
    until(made.is_refused)
    assert made.server.counters.clients == 0
    made.told(2, *B)
    until(made.is_watched)
    assert made.server.counters.clients == 1
    made.told(3, *A)
    until(made.is_refused)
    until(lambda: not made.server.connections, "the end of what B allowed")
    made.told(4)
    assert made.is_refused(), "its place is not known any more"
    assert made.state.revision == 4
    assert made.server.counters.clients == 1


def test_a_move_to_where_the_same_networks_are_allowed_leaves_the_stream(
    tmp_path: Path, rig: Made
) -> None:
    made = rig(lines(tmp_path, '"654300" = ["127.0.0.0/8"]'))
    made.told(1, *A)
    until(made.is_watched)
    made.told(2, *B)
    made.told(3, *B, "654322001")
    assert made.is_watched()
    assert made.state.revision == 3
    assert made.server.counters.clients == 1
    made.told(4, "0", "654200")  # no line: the installation's, which are others than the city's
    until(lambda: made.server.counters.clients == 2)


def test_a_place_that_is_told_for_the_first_time_reopens_no_stream(rig: Made) -> None:
    made = rig(NO_JURISDICTIONS)
    made.told(1)
    until(made.is_watched)
    made.told(2, *A)
    assert made.is_watched()
    assert made.server.counters.clients == 1
