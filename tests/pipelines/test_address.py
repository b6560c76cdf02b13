"""What is opened, for a camera whose user and password stand apart."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.address import camera_address, registered_address
from pipelines.faults import BadAddressError, CredentialsCharactersError
from pipelines.sealing import host_of, netloc_of
from pipelines.secrets import Secret

USERS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='":'), min_size=1, max_size=5
)
PASSWORDS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5
)


@given(USERS, PASSWORDS)
def test_no_user_or_password_changes_where_is_connected_to(user: str, password: str) -> None:
    address = registered_address("rtsp://10.0.0.7:8554/ch1?x=1", (user, Secret(password)))
    parts = urlsplit(address.url.reveal())
    assert (parts.hostname, parts.port, parts.path, parts.query) == (
        "10.0.0.7",
        8554,
        "/ch1",
        "x=1",
    )
    assert unquote(parts.username or "") == user
    assert unquote(parts.password or "") == password
    assert address.shown == "rtsp://10.0.0.7:8554/ch1"
    assert repr(address) == "Address(rtsp://10.0.0.7:8554/ch1)"


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://u:p@10.0.0.7/x",
        "rtsp://@10.0.0.7/x",
        "rtsp://10.0.0.7:0/x",
        "rtsp://10.0.0.7\\@10.6.6.6/x",
        "rtsp://10.0.0.7%2f@10.6.6.6/x",
        "rtsp://10.0.0.7%0a/x",
        "rtsp://good;evil/x",
        "http://10.0.0.7/x",
        "10.0.0.7",
        "",
    ],
)
def test_an_address_in_which_two_hosts_could_be_found_is_refused(url: str) -> None:
    with pytest.raises(BadAddressError):
        registered_address(url, ("u", Secret("hidden-1")))


def test_the_host_that_is_connected_to_is_the_one_that_credentials_are_bound_to() -> None:
    for url in ("rtsp://CAM.example./x", "rtsps://cam.example/x", "rtsp://[0::1]:7/x"):
        whole = registered_address(url, ("u", Secret("hidden-1"))).url.reveal()
        assert host_of(whole) == host_of(url)
        assert f"@{netloc_of(url)}/" in whole


def test_an_address_without_credentials_is_opened_as_it_is() -> None:
    url = "rtsp://10.0.0.7:554/ch1?x=1"
    assert registered_address(url).url == Secret(url) == camera_address(url).url


def test_only_what_must_be_is_quoted() -> None:
    word = "aZ09-._~!$&'()*+,;=:"
    whole = registered_address("rtsp://10.0.0.7/x", ("us!er", Secret(word))).url.reveal()
    assert whole == f"rtsp://us!er:{word}@10.0.0.7:554/x"


@pytest.mark.parametrize("user", ['a"b', "a:b", "a\r\nX: y", "a\0"])
def test_a_user_that_breaks_the_answer_to_a_camera_is_refused(user: str) -> None:
    with pytest.raises(CredentialsCharactersError):
        registered_address("rtsp://10.0.0.7/x", (user, Secret("hidden-1")))
    quoted = user.replace(":", "%3A").replace('"', "%22").replace("\r\n", "%0D%0A")
    with pytest.raises(CredentialsCharactersError):
        camera_address(
            f"rtsp://{quoted}:hidden-1@10.0.0.7/x".replace("\0", "%00").replace(" ", "%20")
        )


def test_a_password_that_a_camera_would_end_early_is_refused() -> None:
    with pytest.raises(CredentialsCharactersError):
        registered_address("rtsp://10.0.0.7/x", ("u", Secret("hidden\0rest")))
