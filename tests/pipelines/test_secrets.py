"""A secret shows itself nowhere, and redaction finds it however it stands in a text."""

import base64
import copy
import gc
import json
import pickle
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from pipelines.secrets import MASK, Secret, redact

CLEAR = "s3cr\"et/ö w'ord@#%\\"


class Form(BaseModel):
    user: str
    password: Secret = Field(min_length=8, max_length=64)


@dataclass(frozen=True, kw_only=True)
class Settings:
    redis_url: Secret


def test_a_secret_is_shown_by_nothing_but_reveal() -> None:
    secret = Secret(CLEAR)
    assert {str(secret), repr(secret), f"{secret}", f"{secret!r}", "%s" % secret} == {MASK}  # noqa: UP031
    assert f"{secret:>5}" == "  ***"
    assert MASK in repr(Settings(redis_url=secret))
    assert asdict(Settings(redis_url=secret)) == {"redis_url": secret}
    assert copy.deepcopy(secret) is secret
    assert secret.reveal() == CLEAR
    assert CLEAR not in str(dir(secret))


def test_no_encoder_takes_a_secret() -> None:
    secret = Secret(CLEAR)
    for write in (json.dumps, pickle.dumps, msgspec.json.encode, msgspec.msgpack.encode):
        with pytest.raises(TypeError) as caught:
            write(secret)
        assert CLEAR not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(Exception, match="not written anywhere"):
        Form(user="u", password=secret).model_dump_json()


def test_secrets_are_equal_by_value() -> None:
    assert Secret(CLEAR) == Secret(CLEAR)
    assert len({Secret(CLEAR), Secret(CLEAR)}) == 1
    assert Secret(CLEAR) != Secret("other")
    assert Secret(CLEAR) != CLEAR


def test_a_pydantic_model_takes_one() -> None:
    form = Form.model_validate_json(json.dumps({"user": "u", "password": CLEAR}))
    assert form.password == Secret(CLEAR)
    assert CLEAR not in repr(form)
    assert Form(user="u", password=Secret(CLEAR)).password == form.password
    assert Form.model_json_schema()["properties"]["password"]["writeOnly"] is True
    with pytest.raises(ValidationError):
        Form.model_validate({"user": "u", "password": "short"})
    for wrong in (12345678, [CLEAR], {"a": CLEAR}, None):
        with pytest.raises(ValidationError) as refused:
            Form.model_validate({"user": "u", "password": wrong})
        (said,) = refused.value.errors()
        assert (said["loc"], said["type"]) == (("password",), "string_type")


@given(st.text(min_size=4, max_size=40).filter(lambda text: "*" not in text))
def test_a_live_secret_is_found_however_it_is_written(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    secret = Secret(value)
    for form in (value, json.dumps(value), repr(value)):
        assert value not in redact(f"<<{form}>>").replace(MASK, "\0")
    del secret


def lower(quoted: str) -> str:
    return re.sub("%..", lambda found: found[0].lower(), quoted)


@pytest.mark.parametrize("value", [CLEAR, "a+b c/d?e", '密码/é"\\', "plain-word", "１２３４５"])
@pytest.mark.parametrize(
    "written",
    [
        quote,
        lambda text: quote(text, safe=""),
        lambda text: lower(quote(text)),
        lambda text: lower(quote(text, safe="")),
        quote_plus,
        lambda text: lower(quote_plus(text)),
        lambda text: repr(text.encode()),
        ascii,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: json.dumps(json.dumps(text)),
        lambda text: json.dumps(json.dumps(text, ensure_ascii=False)),
        lambda text: json.dumps(json.dumps(text, ensure_ascii=False), ensure_ascii=False),
    ],
)  # fmt: skip
def test_a_live_secret_is_found_as_libraries_write_it(
    value: str, written: Callable[[str], str]
) -> None:
    secret = Secret(value)
    left = redact(f"<<{written(value)}>>")
    assert re.fullmatch(r"""<<b?[\\"']*\*\*\*[\\"']*>>""", left), left
    del secret


def test_a_basic_header_is_found_wherever_it_stands() -> None:
    for password in ("hunter2", "密码", "x" * 40):
        header = "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()
        assert redact(f"sent {header}, got 401") == "sent Basic ***, got 401"
    plain = "Basic authentication failed; Basic Authentication required; Basic set-up-file"
    assert redact(plain) == plain


def test_a_secret_that_is_gone_is_no_longer_looked_for() -> None:
    secret = Secret("harbour-lantern")
    assert redact("harbour-lantern") == MASK
    twin = Secret("harbour-lantern")
    del secret
    gc.collect()
    assert redact("harbour-lantern") == MASK
    del twin
    gc.collect()
    assert redact("harbour-lantern") == "harbour-lantern"


def test_of_an_address_the_secret_parts_are_found_on_their_own() -> None:
    address = Secret("rtsp://admin:pa%40ss-1?x@10.0.0.7:554/ch1/user=a_pwd=b77?sig=q8q8")
    text = redact("pa%40ss-1?x; pa@ss-1?x; user=a_pwd=b77; sig=q8q8; rtsp://10.0.0.7:554/ch1")
    assert "554/ch1" in text, "what is no secret stays"
    for piece in ("ss-1", "b77", "q8q8"):
        assert piece not in text
    plain = Secret("rtsp://10.0.0.8:554/ch1")
    assert redact("rtsp://10.0.0.8:554/ch1") == "rtsp://10.0.0.8:554/ch1"
    del address, plain


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("at redis://:hunter2@h:1/0 it", "at redis://***@h:1/0 it"),
        ("rtsp://u:p/a@s?s#@h/x", "rtsp://***@h/x"),
        ("GET /x?token=abc&y=1", "GET /x?token=***&y=1"),
        ('{"password": "abc", "y": 1}', '{"password": "***", "y": 1}'),
        ("password='abc'", "password='***'"),
        ("Authorization: Bearer fs_abc", "Authorization: Bearer ***"),
        ("FENGSUI_OIDC_CLIENT_SECRET=abc", "FENGSUI_OIDC_CLIENT_SECRET=***"),
        ("correct the user name and password: it", "correct the user name and password: it"),
        ("rtsp://10.0.0.1:554/ch1 a@b", "rtsp://10.0.0.1:554/ch1 a@b"),
    ],
)
def test_what_nobody_declared_is_found_by_its_form(text: str, left: str) -> None:
    assert redact(text) == left


def test_a_long_text_is_no_burden() -> None:
    began_s = time.monotonic()
    for piece in ("a", "a.", "rtsp://a", "password", "password ", "://", "@"):
        redact(piece * (200_000 // len(piece)))
    assert time.monotonic() - began_s < 2.0


def test_ten_thousand_secrets_that_come_and_go_are_no_burden_to_a_line() -> None:
    held = [Secret(f'{number:05}-lantern"{number}') for number in range(10_000)]
    line = "event=camera camera=gate fault=unreachable next=again " * 4
    began_s = time.monotonic()
    for number in range(100):
        held.append(Secret(f"new-{number}-lantern"))
        assert redact(f'{line}{number:05}-lantern"{number} end') == f"{line}{MASK} end"
        del held[-1]
    took_s = time.monotonic() - began_s
    print(f"{took_s * 10:.2f} ms a line")  # noqa: T201
    assert took_s < 1.0


def test_ten_thousand_secrets_that_begin_alike_are_no_burden_to_a_line() -> None:
    held = [Secret(f"密码{number:05}/é") for number in range(10_000)]
    line = "path=%E5%AF%86%E8%B7%AF%E5%AF%86 said=\\u5bc6\\u8def " * 4
    began_s = time.monotonic()
    for number in range(100):
        assert redact(f"{line}{quote(held[number].reveal())} end") == f"{line}{MASK} end"
    assert time.monotonic() - began_s < 1.0


def test_of_secrets_that_begin_alike_the_longest_is_taken() -> None:
    held = [Secret("harbour-light"), Secret("harbour-lighthouse"), Secret("bour-lighthouse-keeper")]
    assert redact("a harbour-lighthouse, a harbour-light") == f"a {MASK}, a {MASK}"
    del held
