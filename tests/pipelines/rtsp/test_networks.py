"""Where a camera may be: what names resolve to counts, and some places are never allowed."""

import socket
import threading
import time
from ipaddress import ip_address

import pytest

from pipelines.faults import NetworkRefusedError, PlaceRefusedError, UnreachableError
from pipelines.rtsp.networks import EVERYWHERE, LOOPBACK, Networks, NetworksError, PlaceNetworks


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "172.31.0.9", "192.168.1.64", "100.64.3.4", "fd12::1"]
)
def test_private_networks_are_where_cameras_are(address: str) -> None:
    assert Networks().admits(ip_address(address))
    assert EVERYWHERE.admits(ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "203.0.113.9", "8.8.8.8", "2600::1"])
def test_others_must_be_named(address: str) -> None:
    assert not Networks().admits(ip_address(address))
    assert Networks.parse([address]).admits(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.1.1", "0.0.0.0", "100.100.100.200", "192.0.0.192"),  # noqa: S104
        *("224.0.0.1", "255.255.255.255", "::", "fe80::1", "ff02::1", "fd00:ec2::254"),
        *("::127.0.0.1", "::ffff:0:127.0.0.1", "fec0::1"),
        *("::ffff:169.254.169.254", "::ffff:0.0.0.0", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
    ],
)
def test_no_setting_allows_what_is_no_camera_s(address: str) -> None:
    assert not EVERYWHERE.admits(ip_address(address))
    assert not Networks.parse([address]).admits(ip_address(address))


def test_loopback_in_sixth_clothes_is_loopback() -> None:
    mapped = ip_address("::ffff:127.0.0.1")
    assert not Networks().admits(mapped)
    assert LOOPBACK.admits(mapped)


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10.0.0.1/8", "camera.local", "10.*"])
def test_what_is_no_network_is_told(text: str) -> None:
    with pytest.raises(NetworksError, match=r"10\.20\.0\.0/16"):
        Networks.parse(["private", text])


def test_every_way_to_write_a_forbidden_address_is_refused() -> None:
    for host in ("0x7f.1", "2130706433", "127.1", "localhost", "0"):
        with pytest.raises((NetworkRefusedError, UnreachableError)):
            Networks().resolve(host, 554, "rtsp://x", 5.0)


def test_a_name_is_looked_up_once_and_an_allowed_address_is_pinned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [["169.254.169.254", "10.0.0.7"], ["127.0.0.1"]]

    def look_up(*_given: object, **_named: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (one, 554)) for one in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    pinned, port = Networks().resolve("camera.example", 554, "rtsp://camera.example", 5.0)
    assert (str(pinned), port) == ("10.0.0.7", 554)
    with pytest.raises(NetworkRefusedError, match=r"camera.example \(127.0.0.1\)"):
        Networks().resolve("camera.example", 554, "rtsp://camera.example", 5.0)


def test_a_resolver_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_named: answers.wait(20) and [])
    began_s = time.monotonic()
    with pytest.raises(UnreachableError, match="in time"):
        Networks().resolve("camera.example", 554, "rtsp://camera.example", 0.3)
    answers.set()
    assert time.monotonic() - began_s < 10


def test_lines_of_two_places_that_say_the_same_are_the_same_networks() -> None:
    one, other = (PlaceNetworks(code=c, allowed=LOOPBACK.allowed) for c in ("654300", "654322"))
    assert Networks(of_place=one) == Networks(of_place=other) != Networks()


def narrowed(*place: str) -> Networks:
    """All of 10.0.0.0/8, but in place 654300 ``place`` alone."""
    of_place = PlaceNetworks(code="654300", allowed=Networks.parse(place).allowed)
    return Networks(Networks.parse(["10.0.0.0/8"]).allowed, of_place)


def test_both_the_installation_and_the_place_must_admit() -> None:
    networks = narrowed("10.43.0.0/16", "203.0.113.0/24", "169.254.0.0/16")
    assert networks.admits(ip_address("10.43.0.9"))
    assert networks.admits(ip_address("::ffff:10.43.0.9"))
    outside = ("10.44.0.9", "::ffff:10.44.0.9", "203.0.113.9", "192.168.1.1", "169.254.169.254")
    for address in outside:
        assert not networks.admits(ip_address(address)), address
    assert not narrowed().admits(ip_address("10.43.0.9")), "a place without a network has none"


@pytest.mark.parametrize("host", ["10.44.0.9", "::ffff:10.44.0.9"])
def test_a_place_s_refusal_names_the_place_and_its_option(host: str) -> None:
    with pytest.raises(PlaceRefusedError, match="allowed in place 654300") as caught:
        narrowed("10.43.0.0/16").resolve(host, 554, "rtsp://x", 5.0)
    assert caught.value.code == "network_refused"
    assert "worker --networks-of" in str(caught.value)
    assert "camera's place" in str(caught.value)


def test_what_the_installation_refuses_is_not_laid_on_the_place() -> None:
    with pytest.raises(NetworkRefusedError, match="allowed in this installation") as caught:
        narrowed("203.0.113.0/24").resolve("203.0.113.9", 554, "rtsp://x", 5.0)
    assert not isinstance(caught.value, PlaceRefusedError)
    assert str(caught.value).endswith("worker --networks")


def test_of_a_name_s_addresses_that_is_pinned_which_both_admit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [["10.44.0.1", "127.0.0.1", "10.43.0.7"], ["127.0.0.1", "10.44.0.1"]]

    def look_up(*_given: object, **_named: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (one, 554)) for one in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    networks = narrowed("10.43.0.0/16", "127.0.0.0/8")
    pinned, _ = networks.resolve("camera.example", 554, "rtsp://camera.example", 5.0)
    assert str(pinned) == "10.43.0.7"
    with pytest.raises(PlaceRefusedError, match=r"camera.example \(10.44.0.1\)"):
        networks.resolve("camera.example", 554, "rtsp://camera.example", 5.0)
