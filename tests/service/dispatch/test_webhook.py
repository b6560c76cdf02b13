"""Webhooks against a real receiver: what arrives, and what becomes of every sort of answer."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from service.dispatch.senders import egress, http
from service.dispatch.sending import RefusedError, SendError, UnreachableError
from tests.service.accounts.test_start import certificate
from tests.service.dispatch.parcels import LOOPBACK, SECRET, order, parcel, sender, webhook
from tests.support.media import SHARED
from tests.support.receiver import Receiver, dripping, saying


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.mark.shared
@pytest.mark.parametrize("drill", [False, True])
def test_an_event_is_a_cloud_event_and_signed(
    receiver: Receiver, tmp_path: Path, drill: bool
) -> None:
    path = SHARED / "conformance" / "cloudevents-1.0.json"
    if not path.exists():
        pytest.skip(f"needs {path}")
    schema = json.loads(path.read_text())
    to = sender(tmp_path, webhook(f"{receiver.url}/orders?key=1", LOOPBACK))
    receiver.answer = saying(202, b"taken\r\nby\x1b[31m nobody")
    sent = parcel(order(drill=drill))
    assert to.send(sent) == "HTTP 202 taken by [31m nobody"
    to.send(sent)
    first, again = receiver.requests
    assert (first.method, first.path) == ("POST", "/orders?key=1")
    assert first.body == again.body
    event = json.loads(first.body)
    jsonschema_rs.validator_for(schema).validate(event)
    assert first.headers["content-type"].startswith("application/cloudevents+json")
    assert event["id"] == str(sent.order_id) == first.headers["webhook-id"]
    assert event["type"] == "org.fengsui.dispatch.order"
    assert event["drill"] is drill is event["data"]["drill"]
    assert event["data"]["place_names"] == ["浙江省", "杭州市", "西湖区"]
    Webhook(SECRET).verify(first.body, first.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(first.body.replace(b"fire", b"fore"), first.headers)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validator_for(schema).validate({**event, "id": ""})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None), (299, None), (408, UnreachableError), (425, UnreachableError),
        (429, UnreachableError), (500, UnreachableError), (503, UnreachableError),
        (103, UnreachableError), (301, RefusedError), (307, RefusedError), (304, RefusedError),
        (400, RefusedError), (401, RefusedError), (404, RefusedError), (410, RefusedError),
    ],
)  # fmt: skip
def test_what_a_status_means(
    receiver: Receiver, tmp_path: Path, status: int, error: type[SendError] | None
) -> None:
    with Receiver() as elsewhere:
        receiver.answer = saying(status, b"because", Location=elsewhere.url)
        to = sender(tmp_path, webhook(receiver.url, LOOPBACK))
        if error is None:
            to.send(parcel(order()))
        else:
            with pytest.raises(error, match=f"HTTP {status}"):
                to.send(parcel(order()))
        assert len(receiver.requests) == 1
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("99999999999", 300.0), ("Fri, 01 Jan 2100 00:00:00 GMT", 300.0),
     ("Fri, 01 Jan 1999 00:00:00 GMT", 0.0), ("soon", None), ("-5", None), ("²", None)],
)  # fmt: skip
def test_retry_after_is_heard_within_limits(
    receiver: Receiver, tmp_path: Path, text: str, seconds: float | None
) -> None:
    receiver.answer = lambda sock: sock.sendall(
        f"HTTP/1.1 503 Busy\r\nRetry-After: {text}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    with pytest.raises(UnreachableError) as caught:
        sender(tmp_path, webhook(receiver.url, LOOPBACK)).send(parcel(order()))
    assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(dripping(b"x"), id="drips"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nX: 1\r\n"[:19]), id="drips a head"),
        pytest.param(lambda sock: time.sleep(5), id="is silent"),
        pytest.param(lambda sock: None, id="hangs up"),
        *(
            pytest.param(lambda sock, head=head: sock.sendall(head), id=f"cut off {number}")
            for number, head in enumerate(
                (
                    b"HTTP/1.1 200",
                    b"HTTP/1.1 200 OK",
                    b"HTTP/1.1 200 OK\r\n",
                    b"HTTP/1.1 200 OK\r\nContent-Le",
                    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
                )
            )
        ),
        pytest.param(lambda sock: sock.sendall(b"\x00" * 1000), id="lies"),
        pytest.param(
            lambda sock: sock.sendall(
                b"HTTP/1.1 200 OK\r\n" + b"X: %s\r\n" % (b"x" * 9999) * 9 + b"\r\n"
            ),
            id="long head",
        ),
    ],
)
def test_a_bad_receiver_holds_nobody(
    receiver: Receiver, tmp_path: Path, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answer = answer
    to = sender(tmp_path, webhook(receiver.url, LOOPBACK, "timeout_s = 1"))
    began_s = time.monotonic()
    with pytest.raises(UnreachableError):
        to.send(parcel(order()))
    assert time.monotonic() - began_s < 2.0


def test_a_good_status_counts_whatever_text_follows(receiver: Receiver, tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    to = sender(tmp_path, webhook(receiver.url, LOOPBACK, "timeout_s = 15"))
    began_s = time.monotonic()
    for body in (dripping(b"x", 0.2), dripping(b"y" * 65536, 0)):
        receiver.answer = lambda sock, body=body: (sock.sendall(head), body(sock))
        assert to.send(parcel(order())).startswith("HTTP 200")
    assert time.monotonic() - began_s < 4.0


def test_silence_is_borne_for_less_than_the_whole_time(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "READ_S", 0.2)
    receiver.answer = lambda sock: time.sleep(4)
    began_s = time.monotonic()
    with pytest.raises(UnreachableError, match="in time"):
        sender(tmp_path, webhook(receiver.url, LOOPBACK)).send(parcel(order()))
    assert time.monotonic() - began_s < 2.0


def test_loopback_is_reached_only_if_listed(receiver: Receiver, tmp_path: Path) -> None:
    for url in (
        receiver.url.replace("http:", "https:"),
        f"https://[::ffff:127.0.0.1]:{receiver.port}",
    ):
        with pytest.raises(UnreachableError, match="list its network in allowed_networks"):
            sender(tmp_path, webhook(url)).send(parcel(order()))
    for url in (receiver.url, f"http://[::ffff:127.0.0.1]:{receiver.port}"):
        with pytest.raises(UnreachableError, match="list its network in allowed_networks"):
            sender(tmp_path, webhook(url, 'allowed_networks = ["10.0.0.0/8"]')).send(
                parcel(order())
            )
    assert receiver.connections == 0


def test_the_name_is_asked_once_and_the_checked_address_connected_to(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: a name that is allowed when asked first, and elsewhere from then on."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def lying(host: str, port: int, *more: Any, **others: Any) -> Any:
        if host != "centre.example":
            return real(host, port, *more, **others)
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(egress.socket, "getaddrinfo", lying)
    to = sender(tmp_path, webhook(f"http://centre.example:{receiver.port}/o", LOOPBACK))
    to.send(parcel(order()))
    assert asked == ["centre.example"]
    assert receiver.requests[0].headers["host"] == f"centre.example:{receiver.port}"
    with pytest.raises(UnreachableError, match=r"centre\.example \(169\.254\.169\.254\)"):
        to.send(parcel(order()))


def test_tls_is_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = certificate(tmp_path)  # of fengsui.example and 127.0.0.1
    real = socket.getaddrinfo
    monkeypatch.setattr(
        egress.socket, "getaddrinfo",
        lambda host, port, *more, **others: real("127.0.0.1", port, *more, **others),
    )  # fmt: skip
    trusting = (LOOPBACK, f'ca_file = "{files[0].name}"')
    with Receiver(tls=files) as receiver:
        good, other = (
            f"https://{name}:{receiver.port}" for name in ("fengsui.example", "b.example")
        )
        assert sender(tmp_path, webhook(good, *trusting)).send(parcel(order())) == "HTTP 204"
        with pytest.raises(UnreachableError, match=r"not trusted .*name"):
            sender(tmp_path, webhook(other, *trusting)).send(parcel(order()))
        with pytest.raises(UnreachableError, match="ca_file"):
            sender(tmp_path, webhook(good, LOOPBACK)).send(parcel(order()))
        assert len(receiver.requests) == 1


def test_a_secret_that_a_receiver_repeats_is_not_kept(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = saying(400, f"no such secret {SECRET}".encode())
    with pytest.raises(RefusedError) as caught:
        sender(tmp_path, webhook(receiver.url, LOOPBACK)).send(parcel(order()))
    assert SECRET not in str(caught.value)
    assert "no such secret ***" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "says", "kept"),
    [
        ("/hooks/T0KEN-1", b"Cannot POST /hooks/T0KEN-1", "Cannot POST …"),
        ("/hooks/T0KEN-1?key=hush1", b"no t0ken-1 and no hush1", "no … and no …"),
        ("/hooks/T0KEN-1/", b'{"path":"\\/hooks\\/T0KEN-1\\/"}', "…"),
        ("/a%20hook%2Fb", b"nothing at /a hook/b", "nothing at …"),
        ("/?k=a%26hush+1", b"no key a&hush 1", "no key …"),
        ("/", b"nothing at /", "nothing at /"),
        ("/a/b", b"a bad request", "a bad request"),
    ],
)  # fmt: skip
def test_an_address_that_a_receiver_repeats_is_not_kept(
    receiver: Receiver, tmp_path: Path, path: str, says: bytes, kept: str
) -> None:
    receiver.answer = saying(404, says)
    with pytest.raises(RefusedError) as caught:
        sender(tmp_path, webhook(receiver.url + path, LOOPBACK)).send(parcel(order()))
    assert kept in str(caught.value)
    for hidden in ("T0KEN", "hush", "hook"):
        assert hidden.lower() not in str(caught.value).lower()
