"""The file of targets as an operator of the system writes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One webhook of it."""

    name: str
    """What routes call it."""
    url: str
    """Where it listens, on the loopback interface."""
    secret: str
    """What it checks signatures with."""
    timeout_s: float
    """How long an answer is waited for."""
    updates: bool
    """Whether it is also told what becomes of an incident."""


def write_targets(folder: Path, webhooks: Sequence[Webhook]) -> str:
    """Write the file; returns its path."""
    tables = [
        f'[targets."{one.name}"]\nkind = "webhook"\nurl = "{one.url}"\nsecret = "{one.secret}"\n'
        f"timeout_s = {one.timeout_s}\nupdates = {str(one.updates).lower()}\n"
        'allowed_networks = ["127.0.0.0/8"]\n'
        for one in webhooks
    ]
    path = folder / "targets.toml"
    path.write_text("\n".join(tables), "utf-8")
    path.chmod(0o600)
    return str(path)
