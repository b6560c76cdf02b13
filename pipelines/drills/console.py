"""The demo's own way into the service: it logs in as a person does, and reads the totals."""

import secrets
from typing import Any, Final

import httpx

TIMEOUT_S: Final = 5.0

WORDS: Final = ("beacon", "tower", "smoke", "signal", "river", "slope", "lantern", "summit")
"""A password of these and eight digits can be read out and typed; it lives as long as the demo."""


class Console:
    """A session at the service."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    def healthy(self) -> bool:
        """Tell whether the service answers."""
        return self._get("/healthz") is not None

    def settle(self, login: str, one_time_password: str) -> str:
        """Log in for the first time and choose a password; returns it.

        Raises ``httpx.HTTPError``.
        """
        password = f"{secrets.choice(WORDS)}-{secrets.choice(WORDS)}-{secrets.randbelow(10**8):08}"
        began = self._client.post(
            "/api/session", json={"login": login, "password": one_time_password}
        ).raise_for_status()
        self._client.post(
            "/api/session/password",
            json={"current_password": one_time_password, "new_password": password},
            headers={"X-CSRF-Token": began.json()["csrf_token"]},
        ).raise_for_status()
        return password

    def totals(self) -> dict[str, int] | None:
        """Return how many alerts, incidents and orders the service holds, if it answers."""
        status = self._get("/api/status")
        return None if status is None else status["totals"]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self._client.get(path).raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            return None
        return answer
