"""The first start, the way in from the host, and what the service refuses to listen with."""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import CollectorRegistry

from pipelines import logs
from service import tables
from service.__main__ import main, oidc_of, parse
from service.accounts import directory, throttle, tokens
from service.accounts.errors import TooManyAttemptsError
from service.accounts.roles import Role
from service.database import Database
from service.errors import BadSettingError, ServiceError
from service.listening import require_safe
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings, sqlite_url
from tests.service.helpers import Parts, settings_for, sqlite_copy
from tests.service.process import ROOT, database_of, serving
from tests.service.signing_in import PASSWORD, make_account, token

Said = pytest.CaptureFixture[str]

NOWHERE = "redis://127.0.0.1:1/0"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fengsui.example")])
    now = datetime.now(UTC)
    names = [x509.DNSName("fengsui.example"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service", *arguments]
    environment = {**os.environ, "FENGSUI_DATABASE": str(folder / "fengsui.db")}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """A command's output is read here, and how this process logs is left as it is."""
    monkeypatch.setattr(logs, "configure", lambda: None)
    return capsys


def refusal(capsys: Said, folder: Path, *arguments: str) -> str:
    """What a command that is refused says, in one line."""
    assert main(arguments, {"FENGSUI_DATABASE": str(folder / "fengsui.db")}) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    return said.err


class Started:
    """The process as it is started by hand; its lines are read as they come."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "service", "--port", "0", "--redis-url", NOWHERE]
        command += ["--database", str(folder / "fengsui.db"), *arguments]
        self.log = folder / "log"
        self._errors = self.log.open("ab")
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=self._errors
        )
        self.said: list[dict[str, str]] = []

    def __enter__(self) -> "Started":
        assert self.process.stdout is not None
        while not self.said or self.said[-1]["event"] != "listening":
            line = self.process.stdout.readline()
            assert line, self.log.read_text()
            self.said.append(json.loads(line))
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()

    @property
    def url(self) -> str:
        return self.said[-1]["url"]


def test_the_first_start_makes_an_administrator_once(tmp_path: Path) -> None:
    with Started(tmp_path) as service:
        first, listening = service.said
        assert first["event"] == "first_admin"
        assert first["login"] == "admin"
        assert listening["event"] == "listening"
        with httpx.Client(base_url=service.url) as client:
            login = {"login": "admin", "password": first["one_time_password"]}
            session = client.post("/api/session", json=login).json()
            assert session["password_once"] is True
            assert session["account"]["role"] == "admin"
            assert session["account"]["places"][0]["code"] == "0"
    assert first["one_time_password"] not in service.log.read_text()
    with (
        database_of(settings_for(NOWHERE, tmp_path)) as database,
        database.reading() as connection,
    ):
        (row,) = connection.execute(tables.accounts.select()).all()
    assert row.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    with Started(tmp_path) as again:
        assert [one["event"] for one in again.said] == ["listening"]


def test_of_two_first_starts_one_makes_the_administrator(database: Database) -> None:
    made: list[str | None] = []
    ready = threading.Barrier(4)

    def start() -> None:
        ready.wait()
        made.append(directory.first_admin(database))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len([password for password in made if password]) == 1
    with database.reading() as connection:
        assert len(connection.execute(tables.accounts.select()).all()) == 1


def test_the_host_gives_a_new_password_and_a_token(tmp_path: Path) -> None:
    with Started(tmp_path) as service:
        done = run("accounts", "reset", "admin", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        old = service.said[0]["one_time_password"]
        assert said["one_time_password"] != old
        for password, status in ((old, 401), (said["one_time_password"], 200)):
            login = {"login": "admin", "password": password}
            assert httpx.post(f"{service.url}/api/session", json=login).status_code == status
        with database_of(settings_for(NOWHERE, tmp_path)) as database:
            make_account(database, Role.OPS, login="prometheus")
        arguments = ["accounts", "token", "prometheus", "--scope", "status.read", "--days", "366"]
        made = json.loads(run(*arguments, folder=tmp_path).stdout)
        bearer = {"Authorization": f"Bearer {made['token']}"}
        assert httpx.get(f"{service.url}/metrics", headers=bearer).status_code == 200
        assert httpx.get(f"{service.url}/api/places", headers=bearer).status_code == 403
    with (
        database_of(settings_for(NOWHERE, tmp_path)) as database,
        database.reading() as connection,
    ):
        rows = connection.execute(tables.audit.select()).all()
    audited = {row.action: row.actor for row in rows}
    assert audited["account.password_reset"].startswith("host:")
    assert audited["token.created"].startswith("host:")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["reset", "nobody"], "there is no account"),
        (["reset", "a\x1bb"], "there is no account"),
        (["token", "viewer", "--scope", "place.write"], "doesn't hold place.write"),
        (["token", "viewer", "--scope", "incident.read", "--days", "367"], "1 to 366"),
        (["token", "viewer", "--scope", "incident.read", "--name", "a\u202eb"], "--name"),
        (["token", "viewer", "--scope", "incident.read", "--name", "x" * 129], "--name"),
        (["token", "viewer", "--scope", "incident.read", "--name", " "], "--name"),
        (["token", "gone", "--scope", "incident.read"], "gone is disabled"),
        (["reset", "gone"], "gone is disabled"),
        (["token", "new", "--scope", "incident.read"], "new has only a one-time password"),
        (["token", "full", "--scope", "incident.read"], "50 at most"),
    ],
)
def test_what_the_host_cant_have(
    tmp_path: Path, at_home: Said, arguments: list[str], advice: str
) -> None:
    sqlite_copy(tmp_path)
    with database_of(settings_for(NOWHERE, tmp_path)) as database:
        make_account(database, Role.VIEWER, login="viewer")
        make_account(database, Role.VIEWER, login="new", password_once=True)
        full = make_account(database, Role.VIEWER, login="full")
        for _ in range(tokens.MOST):
            token(database, full)
        gone = make_account(database, Role.VIEWER, login="gone")
        disabled = tables.accounts.update().where(tables.accounts.c.account_id == gone.account_id)
        with database.writing() as connection:
            connection.execute(disabled.values(disabled_at=datetime.now(UTC)))
    assert advice in refusal(at_home, tmp_path, "accounts", *arguments)


def test_what_a_refused_command_exits_with(tmp_path: Path) -> None:
    sqlite_copy(tmp_path)
    done = run("accounts", "reset", "nobody", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "there is no account" in done.stderr


@pytest.mark.parametrize("written", ["{}", "sqlite:///{}"])
@pytest.mark.parametrize("command", [["reset", "admin"], ["token", "a", "--scope", "status.read"]])
def test_a_mistyped_database_is_not_made(
    tmp_path: Path, at_home: Said, command: list[str], written: str
) -> None:
    missing = tmp_path / "fengsiu.db"
    arguments = ["accounts", *command, "--database", written.format(missing)]
    said = refusal(at_home, tmp_path, *arguments)
    assert f"there is no database '{missing}': check --database" in said
    assert list(tmp_path.iterdir()) == []


def test_the_hosts_reset_ends_tokens_and_unlocks(tmp_path: Path) -> None:
    sqlite_copy(tmp_path)
    with database_of(settings_for(NOWHERE, tmp_path)) as database:
        account = make_account(database, Role.VIEWER, login="viewer")
        token(database, account)
        guesses = throttle.Throttle(database, ServiceMetrics(CollectorRegistry()))
        for n in range(throttle.ADDRESS.free):
            with guesses.attempt(f"login-{n}", "10.0.0.1"):
                pass
        with database.writing() as connection:  # so that the wait outlasts the command
            connection.execute(tables.login_failures.update().values(failures=99))
        with pytest.raises(TooManyAttemptsError), guesses.attempt("viewer", "10.0.0.1"):
            pass
        assert run("accounts", "reset", "viewer", folder=tmp_path).returncode == 0
        with guesses.attempt("viewer", "10.0.0.1"):
            pass
        with database.reading() as connection:
            (made,) = connection.execute(tables.tokens.select()).all()
            (audited,) = connection.execute(tables.audit.select()).all()
    assert made.revoked_at is not None
    assert '"tokens_revoked":1' in audited.body


def test_the_host_lets_a_disabled_administrator_in_again(tmp_path: Path) -> None:
    sqlite_copy(tmp_path)
    with database_of(settings_for(NOWHERE, tmp_path)) as database:
        make_account(database, Role.ADMIN, login="admin")
        with database.writing() as connection:
            connection.execute(tables.accounts.update().values(disabled_at=datetime.now(UTC)))
        done = run("accounts", "reset", "admin", "--enable", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        password = json.loads(done.stdout)["one_time_password"]
        with database.reading() as connection:
            audited = connection.execute(tables.audit.select()).all()
    assert [row.action for row in audited] == ["account.enabled", "account.password_reset"]
    assert {row.actor.partition(":")[0] for row in audited} == {"host"}
    with Started(tmp_path) as service:
        login = {"login": "admin", "password": password}
        assert httpx.post(f"{service.url}/api/session", json=login).status_code == 200


def test_the_host_unbinds_who_logs_in_elsewhere(tmp_path: Path) -> None:
    sqlite_copy(tmp_path)
    with database_of(settings_for(NOWHERE, tmp_path)) as database:
        account = make_account(database, Role.ADMIN, login="zhang.san")
        token(database, account)
        bound = {"password_hash": None, "oidc_issuer": "https://old.example", "oidc_subject": "1"}
        with database.writing() as connection:
            connection.execute(tables.accounts.update().values(**bound))
        done = run("accounts", "reset", "zhang.san", folder=tmp_path)
        assert (done.returncode, json.loads(done.stdout)) == (
            0,
            {"event": "unbound", "login": "zhang.san"},
        )
        with database.reading() as connection:
            (row,) = connection.execute(tables.accounts.select()).all()
            (made,) = connection.execute(tables.tokens.select()).all()
            (audited,) = connection.execute(tables.audit.select()).all()
    assert (row.oidc_issuer, row.oidc_subject) == (None, None)
    assert made.revoked_at is not None
    assert audited.action == "account.unbound"
    assert audited.actor.startswith("host:")


def test_over_tls(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(cert))
    arguments = ["--tls-certificate", str(cert), "--tls-key", str(key)]
    arguments += ["--public-url", "https://fengsui.example"]
    with Started(tmp_path, *arguments) as service:
        assert service.url.startswith("https://127.0.0.1:")
        settings = settings_for(NOWHERE, tmp_path)
        with database_of(settings) as database:
            account = make_account(database, Role.VIEWER)
        with httpx.Client(base_url=service.url, verify=trust) as client:
            login = {"login": account.login, "password": PASSWORD}
            for origin, status in (
                ("https://fengsui.example", 200),
                (service.url, 200),
                (service.url.replace("https", "http"), 403),
                ("http://fengsui.example", 403),
            ):
                answer = client.post("/api/session", json=login, headers={"origin": origin})
                assert answer.status_code == status
            answer = client.post("/api/session", json=login)
            cookie, browser = answer.headers.get_list("set-cookie")
            assert browser.startswith("__Host-fengsui_browser=")
            assert cookie.startswith("__Host-fengsui_session=")
            said = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert said == {"httponly", "samesite=strict", "path=/", "secure"}
            assert answer.headers["strict-transport-security"].startswith("max-age=")
            assert client.get("/api/session").status_code == 200
            named = client.get("/healthz", headers={"host": "fengsui.example"})
            assert named.status_code == 200
            assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 421
            weak = {"cookie": cookie.partition(";")[0].replace("__Host-", "")}
            assert httpx.get(f"{service.url}/api/session", headers=weak, verify=trust).is_error
        plain = service.url.replace("https", "http")
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{plain}/healthz")
    assert "Traceback" not in service.log.read_text()


def proxied(given: Parts, **headers: str) -> dict[str, str]:
    return {"host": "fengsui.example", "x-forwarded-proto": "https"} | headers


def test_behind_a_proxy(given: Parts) -> None:
    changes: dict[str, Any] = {"public_url": "https://fengsui.example"}
    account = make_account(given.database, Role.VIEWER)
    login = {"login": account.login, "password": PASSWORD}
    with serving(given.settings, behind_proxy="127.0.0.1", **changes) as url:
        answer = httpx.post(f"{url}/api/session", json=login, headers=proxied(given))
        assert answer.status_code == 200
        assert "__Host-fengsui_session=" in answer.headers["set-cookie"]
        # Around the proxy, in clear, only the probe is answered:
        around = httpx.post(f"{url}/api/session", json=login)
        assert (around.status_code, around.json()["code"]) == (421, "foreign_host")
        assert httpx.get(f"{url}/healthz").status_code == 200
        # Each address behind it has its own mistakes:
        wrong = login | {"password": "x"}
        for address, status in [("192.0.2.1", 401)] * 5 + [("192.0.2.1", 429), ("192.0.2.2", 401)]:
            headers = proxied(given, **{"x-forwarded-for": address})
            answer = httpx.post(f"{url}/api/session", json=wrong, headers=headers)
            assert answer.status_code == status
    with serving(given.settings, behind_proxy="192.0.2.99", **changes) as url:
        # Another one's word that it was TLS counts for nothing:
        answer = httpx.post(f"{url}/api/session", json=login, headers=proxied(given))
        assert answer.status_code == 421


def test_a_client_chooses_no_address_of_its_own(given: Parts) -> None:
    wrong = {"login": "viewer", "password": "wrong"}
    said = parse(["--behind-proxy", "192.0.2.9", "--behind-proxy", "127.0.0.1"], {})
    assert parse([], {}).behind_proxy is None
    changes = {"public_url": "https://fengsui.example", "behind_proxy": said.behind_proxy}
    with serving(given.settings, **changes) as url:
        for n, status in enumerate([401] * 5 + [429]):
            # What the client said itself, and after it where it is, as the proxy saw it:
            headers = proxied(given, **{"x-forwarded-for": f"192.0.2.{n}, 198.51.100.7"})
            answer = httpx.post(f"{url}/api/session", json=wrong, headers=headers)
            assert answer.status_code == status


def plain_settings(**changes: Any) -> ServiceSettings:
    settings = ServiceSettings(redis_url=NOWHERE, database_url=sqlite_url(Path("x.db")))
    return replace(settings, **changes)


PUBLIC = "https://fengsui.example"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"host": "::1"},
        {"host": "localhost"},
        {"behind_proxy": "10.0.0.1", "public_url": PUBLIC},
        {"host": "10.0.0.2", "behind_proxy": "10.0.0.3, ::1", "public_url": f"{PUBLIC}:8443"},
    ],
)
def test_what_it_listens_with(changes: dict[str, Any]) -> None:
    require_safe(plain_settings(**changes))


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"host": "10.0.0.1"}, "in clear"),
        ({"host": "::"}, "in clear"),
        ({"host": "example"}, "in clear"),
        ({"host": "10.0.0.1", "behind_proxy": "10.0.0.2"}, "--public-url"),
        ({"public_url": PUBLIC}, "--behind-proxy"),
        ({"tls_certificate": Path("x.pem")}, "TLS needs both"),
        ({"tls_key": Path("x.pem")}, "TLS needs both"),
        ({"tls_certificate": Path("x.pem"), "tls_key": Path("x.pem")}, "both PEM"),
        ({"behind_proxy": "proxy", "public_url": PUBLIC}, "IP address"),
        ({"behind_proxy": "*", "public_url": PUBLIC}, "IP address"),
        ({"behind_proxy": "10.0.0.0/24", "public_url": PUBLIC}, "network is none"),
        ({"behind_proxy": "10.0.0.1,10.0.0.0/24", "public_url": PUBLIC}, "network is none"),
        ({"behind_proxy": "10.0.0.1,", "public_url": PUBLIC}, "IP address"),
        *(
            ({"behind_proxy": "10.0.0.1", "public_url": url}, "no public address")
            for url in (
                "http://fengsui.example",
                f"{PUBLIC}/",
                f"{PUBLIC}/console",
                "https://me@fengsui.example",
                "https://Fengsui.example",
                "https://",
                "https://fengsui.example:x",
                "https://[",
            )
        ),
    ],
)
def test_what_it_refuses_to_listen_with(changes: dict[str, Any], advice: str) -> None:
    with pytest.raises(ServiceError, match=advice):
        require_safe(plain_settings(**changes))


def test_a_key_of_another_certificate_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    cert, _ = certificate(tmp_path)
    _, key = certificate(tmp_path / "other")
    with pytest.raises(BadSettingError, match="its own key"):
        require_safe(plain_settings(tls_certificate=cert, tls_key=key))


def test_the_settings_of_an_identity_provider(tmp_path: Path) -> None:
    assert oidc_of({}) is None
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    given = {"FENGSUI_OIDC_ISSUER": "https://id.example", "FENGSUI_OIDC_CLIENT_ID": "fengsui"}
    found = oidc_of(given | {"FENGSUI_OIDC_CLIENT_SECRET_FILE": str(file)})
    assert found is not None
    assert found.client_secret is not None
    assert found.client_secret.reveal() == "from a file"
    assert "from a file" not in repr(found)
    assert (found.name, found.login_claim) == ("OIDC", "preferred_username")
    for wrong in (
        {"FENGSUI_OIDC_ISSUER": "https://id.example"},
        {"FENGSUI_OIDC_CLIENT_SECRET": "x"},
        given | {"FENGSUI_OIDC_ISSUER": "http://id.example"},
    ):
        with pytest.raises(BadSettingError):
            oidc_of(wrong)
    with pytest.raises(OSError, match="nothing"):
        oidc_of(given | {"FENGSUI_OIDC_CLIENT_SECRET_FILE": str(tmp_path / "nothing")})
