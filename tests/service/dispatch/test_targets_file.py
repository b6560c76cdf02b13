"""The file of targets: one error a mistake, which says where it is and what to write."""

import re
from pathlib import Path

import pytest

from service.dispatch.sending import TargetKind
from service.dispatch.targets_file import Described, TargetsFileError, read_targets
from tests.service.dispatch.parcels import SECRET, around, cap, webhook, written

DOC = Path(__file__).parents[3] / "docs" / "dispatch.md"
HTTPS = "https://centre.example/orders"
MQTT = '[targets.centre]\nkind = "mqtt"\nurl = "mqtts://b.example"\ntopic = "t"'
WVP = '[targets.centre]\nkind = "wvp"\nurl = "redis://10.0.0.1"\nallowed_networks = ["10.0.0.0/8"]'


def read(path: Path, **environment: str) -> tuple[Described, ...]:
    return read_targets(path, around(**environment))[0]


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (webhook(HTTPS).replace("webhook", "carrier pigeon"), "kind", 'kind = "webhook"'),
        ("[targets.centre]", "kind", "is missing"),
        (webhook(HTTPS, "hurry = true"), "hurry", "a webhook has no such key"),
        (webhook("http://centre.example"), "allowed_networks", "without TLS"),
        (webhook("ftp://centre.example"), "url", 'write url = "https://'),
        (webhook("https://"), "url", "no address"),
        (webhook("https://centre.example:99999/"), "url", "no address"),
        (webhook("https://a:b12345@centre.example/"), "url", "holds a login"),
        (webhook("https://centre.example/a b"), "url", "no address"),
        (webhook(HTTPS, 'allowed_networks = ["10.0.0.0"]', "timeout_s = 99"), "timeout_s", "to 15"),
        (webhook(HTTPS, 'allowed_networks = ["10.0.0.0/99"]'), "allowed_networks", "no network"),
        (webhook(HTTPS, 'allowed_networks = ["169.254.0.0/24"]'), "allowed_networks", "link-local"),
        (webhook(HTTPS, "timeout_s = 0"), "timeout_s", "from 1"),
        (webhook(HTTPS, 'timeout_s = "1"'), "timeout_s", "timeout_s = 10"),
        (webhook(HTTPS, 'updates = "yes"'), "updates", "true or false"),
        (webhook(HTTPS, 'ca_file = "none.pem"'), "ca_file", "is not there"),
        (webhook(HTTPS, 'ca_file = "targets.toml"'), "ca_file", "can't be used"),
        (webhook(HTTPS, 'client_key = "targets.toml"'), "client_certificate", "is missing"),
        (webhook(HTTPS, 'secret_env = "S"'), "secret", "2 times"),
        (webhook(HTTPS).replace("secret", "secret_env"), "secret_env", "the environment has no"),
        (webhook(HTTPS).replace("secret =", "secret_file ="), "secret_file", "can't be read"),
        (webhook(HTTPS).replace(SECRET, "geheim"), "secret", "none of Standard Webhooks"),
        (webhook(HTTPS).replace(f'secret = "{SECRET}"', ""), "secret", "is missing"),
        (webhook(HTTPS, 'label = "' + "x" * 129 + '"'), "label", "at most 128"),
        (cap(HTTPS).replace("fengsui.example", "a, b"), "sender", "no blank"),
        (cap(HTTPS, 'scope = "Public"'), "restriction", "belongs to scope Restricted"),
        (cap(HTTPS, 'addresses = ["a"]'), "addresses", "belongs to scope Private"),
        (cap(HTTPS, 'scope = "Secret"'), "scope", 'write scope = "Restricted"'),
        (cap(HTTPS, 'languages = ["de-DE"]'), "languages", '"zh-CN", "en-US"'),
        (cap(HTTPS, "languages = []"), "languages", "one at least"),
        (cap(HTTPS, "radius_km = 0"), "radius_km", "above 0"),
        (cap(HTTPS, "polygons = { x = [[1,2],[1,3],[2,3]] }"), "polygons", "latitude first"),
        (cap(HTTPS, 'polygons = { "1" = [[120,30],[1,3],[2,3]] }'), "polygons", "latitude first"),
        (cap(HTTPS, 'polygons = { "33" = [[1,2],[1,3],[1,2]] }'), "polygons", "three different"),
        (cap(HTTPS, 'secret = "x"'), "secret", "a cap has no such key"),
        (f'{MQTT}\ntopic = "a/#"'.replace('topic = "t"\n', ""), "topic", "wildcards"),
        (MQTT.replace("mqtts", "https"), "url", "mqtts://broker.example:8883"),
        (MQTT.replace("mqtts", "mqtt"), "allowed_networks", "without TLS"),
        (f'{MQTT}\npassword = "abcdef"', "username", "is missing"),
        (f"{WVP}\nupdates = true", "updates", "a wvp has no such key"),
        (f"{WVP}\ndrills = true", "drills", "a wvp has no such key"),
        (f"{WVP}\nalarm_types = {{ person = 1 }}", "alarm_types", "fire = 101"),
        (WVP.replace("10.0.0.1", "10.0.0.1/3"), "url", "names no database"),
        ('[targets.n]\nkind = "stream"\nstream = "alerts"', "stream", "begins with dispatch."),
        ('[targets.n]\nkind = "stream"\nstream = "dispatch.drill"', "stream", "not dispatch.drill"),
        ('[targets.n]\nkind = "stream"\nstream = "dispatch.drill.a"', "stream", "not dispatch"),
        ('[targets.n]\nkind = "stream"', "stream", "begins with dispatch."),
        ('[targets.n]\nkind = "stream"\ndrills = true', "drills", "no such key"),
        ('[targets.dispatch]\nkind = "stream"\nstream = "dispatch.a"', "stream", "of that name"),
        (webhook(HTTPS).replace("centre]", "dispatch]"), "kind", "built in"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_error(tmp_path: Path, text: str, key: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(TargetsFileError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert problem.startswith(f'{path}: [targets."')
    assert f'"] {key}: ' in problem
    assert says in problem


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = f'{webhook(HTTPS, "a = 1", "timeout_s = 99")}\n[targets."b/c"]\n{cap(HTTPS)[17:]}'
    with pytest.raises(TargetsFileError) as caught:
        read(written(tmp_path, text))
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [("targets = 1", "is nothing"), ("[other]\na = 1", "other"), ("[[[", "no TOML"),
     ("a = " + "[" * 5000, "no"), ('[targets."dispatch.drill"]\nkind = "stream"', "choose another"),
     ("[targets]\ncentre = 1", "no table")],
)  # fmt: skip
def test_a_file_that_is_none(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TargetsFileError, match=says):
        read(written(tmp_path, text))
    with pytest.raises(TargetsFileError, match="give --targets a file"):
        read(tmp_path / "absent.toml")


def test_secrets_are_nobody_elses(tmp_path: Path) -> None:
    open_file = written(tmp_path, webhook(HTTPS), mode=0o644)
    with pytest.raises(TargetsFileError, match=r"others may read .*chmod 600"):
        read(open_file)
    kept = tmp_path / "centre.secret"
    kept.write_text(f"{SECRET}\n")
    kept.chmod(0o640)
    text = webhook(HTTPS).replace(f'secret = "{SECRET}"', 'secret_file = "centre.secret"')
    with pytest.raises(TargetsFileError, match=r"others may read .*centre\.secret"):
        read(written(tmp_path, text, mode=0o644))
    kept.chmod(0o600)
    (one,) = read(written(tmp_path, text, mode=0o644))
    assert one.settings.secret.reveal() == SECRET
    assert SECRET not in repr(one)


@pytest.mark.parametrize(
    "line",
    [f'secret_env = "{SECRET}"', f'secret_file = "{SECRET}"', f'{SECRET} = "x"',
     f'secret_file = "{SECRET}\\u0000"', f'secret_file = "{SECRET * 9}"'],
)  # fmt: skip
def test_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path, line: str) -> None:
    with pytest.raises(TargetsFileError) as caught:
        read(written(tmp_path, webhook(HTTPS).replace(f'secret = "{SECRET}"', line)))
    assert SECRET not in str(caught.value)


def test_what_people_see_holds_no_secret(tmp_path: Path) -> None:
    text = webhook("https://centre.example:8443/hook/t0ken?key=hush", 'label = "指挥中心"')
    (one,) = read(written(tmp_path, text))
    assert one.target.where == "https://centre.example:8443/…"
    assert one.target.label == "指挥中心"
    assert "t0ken" not in repr(one)
    assert "hush" not in repr(one)
    assert (one.target.wants_updates, one.target.drills, one.target.real) == (False, False, True)
    (other,) = read(written(tmp_path, cap(HTTPS)))
    assert other.target.wants_updates  # what CAP's receivers expect


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        (webhook(HTTPS), True),
        (webhook(HTTPS, "answers = false"), False),
        (cap(HTTPS), False),
        (cap(HTTPS, "answers = true"), True),
        (WVP, False),
        ('[targets.dispatch]\nkind = "stream"\nanswers = false', False),
    ],
)
def test_who_answers_is_said_or_follows_from_the_kind(
    tmp_path: Path, text: str, answers: bool
) -> None:
    (one,) = read(written(tmp_path, text))
    assert one.target.answers is answers


def test_the_guides_examples_are_read(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOC.read_text(), re.DOTALL)
    for name in ("centre.secret", "broker.password"):
        file = tmp_path / name
        file.write_text(SECRET)
        file.chmod(0o600)
    found = read(written(tmp_path, "\n".join(blocks)), CAP_TOKEN="a-token", WVP_PASSWORD="hush-1")
    assert {one.target.kind for one in found} == set(TargetKind)
