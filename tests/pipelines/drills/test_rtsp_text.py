import base64

import pytest

from pipelines.drills.clip import SPS, Clip
from pipelines.drills.rtsp_text import (
    BadRequestError,
    Login,
    Reply,
    describe,
    parse_request,
    tcp_channels,
)


def test_a_request_is_read_with_headers_in_any_case() -> None:
    request = parse_request(b"PLAY rtsp://h:1/mount/trackID=0 RTSP/1.0\r\nCSEQ: 3\r\nX-a:b:c")
    assert (request.method, request.mount, request.version) == ("PLAY", "mount", "RTSP/1.0")
    assert request.headers == {"cseq": "3", "x-a": "b:c"}
    assert request.body_bytes == 0


@pytest.mark.parametrize("head", [b"", b"PLAY", b"A B C D", b"PLAY u RTSP/1.0\r\nno colon"])
def test_what_is_no_request_is_refused(head: bytes) -> None:
    with pytest.raises(BadRequestError):
        parse_request(head)


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999"])
def test_a_length_that_is_no_length_is_refused(length: str) -> None:
    request = parse_request(f"PLAY u RTSP/1.0\r\nContent-Length: {length}".encode())
    with pytest.raises(BadRequestError):
        _ = request.body_bytes


def test_a_reply_repeats_the_sequence_and_says_how_long_its_body_is() -> None:
    text = Reply(status=200, headers={"A": "b"}, body=b"xyz").encode("7")
    assert text == b"RTSP/1.0 200 OK\r\nCSeq: 7\r\nA: b\r\nContent-Length: 3\r\n\r\nxyz"


@pytest.mark.parametrize(
    ("header", "channels"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=2-3", (2, 3)),
        ("RTP/AVP;unicast;client_port=5-6,RTP/AVP/TCP;interleaved=4", (4, 5)),
        ("RTP/AVP/TCP;unicast", (0, 1)),
        ("RTP/AVP/UDP;unicast;client_port=5-6", None),
        ("RTP/AVP/TCP;interleaved=300-301", None),
        ("", None),
    ],
)
def test_the_first_choice_over_tcp_is_taken(header: str, channels: tuple[int, int] | None) -> None:
    assert tcp_channels(header) == channels


def test_the_description_holds_the_parameter_sets(short_clip: Clip) -> None:
    text = describe("street", short_clip).decode()
    sps = base64.b64encode(short_clip.parameter_set(SPS)).decode()
    assert f"sprop-parameter-sets={sps}," in text
    assert "a=rtpmap:96 H264/90000\r\n" in text
    assert "a=framerate:10\r\n" in text


def test_digest_agrees_with_a_proof_worked_out_elsewhere() -> None:
    """The example of RFC 2069, 2.4, whose printed response is corrected by its erratum 749."""
    login = Login(user="Mufasa", password="CircleOfLife", realm="testrealm@host.com")
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    proof = "1949323746fe6a43ef61f9606e7febea"
    head = (
        "GET /dir/index.html RTSP/1.0\r\nAuthorization: Digest "
        f'username="Mufasa", realm="testrealm@host.com", nonce="{nonce}", '
        f'uri="/dir/index.html", response="{proof}"'
    )
    assert login.admits(parse_request(head.encode()), nonce)
    assert not login.admits(parse_request(head.encode()), "another nonce")
    assert not login.admits(parse_request(head.replace("Mufasa", "Scar").encode()), nonce)
    assert not login.admits(parse_request(head.replace("GET", "PUT").encode()), nonce)
    assert not login.admits(parse_request(b"GET u RTSP/1.0"), nonce)
    assert "CircleOfLife" not in repr(login)
