"""Identity providers for tests: a real one as a process, and one that lies as it is told."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.waiting import until

CLIENT_ID = "fengsui console"


@contextmanager
def honest_provider(**logins: str) -> Iterator[str]:
    """oidc-provider-mock with these subjects and what they are called; gives its issuer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    for subject, login in logins.items():
        claims = {"sub": subject, "preferred_username": login}
        command += ["--user-claims", json.dumps(claims)]
    command.insert(-2 * len(logins), "true")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(issuer), "the provider")
        yield issuer
    finally:
        process.kill()
        process.wait()


def answers(issuer: str) -> bool:
    try:
        return httpx.get(issuer, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def agree(address: str, subject: str) -> str:
    """Log in at the honest provider as its form does; gives the address of the way back."""
    answer = httpx.post(address, data={"sub": subject}, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


@dataclass
class Hostile:
    """A provider whose every answer a test may replace."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    claims: dict[str, Any] = field(default_factory=dict)
    """Instead of or besides those of an honest ID token; None leaves one out."""
    sign: Callable[[dict[str, Any]], str] | None = None
    """Instead of an honest signature."""
    pages: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    """Instead of honest answers, by path."""
    nonce: str = ""
    asked: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)
    """Forms that came to the token endpoint."""

    def id_token(self) -> str:
        now_s = int(time.time())
        honest = {
            "iss": self.issuer,
            "sub": "subject-1",
            "aud": CLIENT_ID,
            "exp": now_s + 300,
            "iat": now_s,
            "nonce": self.nonce,
            "preferred_username": "zhang.san",
        }
        claims = {k: v for k, v in (honest | self.claims).items() if v is not None}
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)

    def answer(self, path: str) -> dict[str, Any]:
        return {
            "/.well-known/openid-configuration": lambda: {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
            },
            "/jwks": lambda: {"keys": [self.key.as_dict(private=False)]},
            "/token": lambda: {"id_token": self.id_token(), "token_type": "Bearer"},
        }[path]()


@contextmanager
def hostile_provider() -> Iterator[Hostile]:
    made = Hostile()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            made.asked.append((self.path, form, self.headers["authorization"]))
            self.reply()

        def reply(self) -> None:
            if self.path in made.pages:
                made.pages[self.path](self)
                return
            send(self, json.dumps(made.answer(self.path)).encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **more: str) -> None:
    handler.send_response(status)
    for name, value in more.items():
        handler.send_header(name, value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def nonce_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["nonce"][0]


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]
