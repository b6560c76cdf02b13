"""Where evidence lies: a directory or a bucket. The one module that knows; no picture code in it.

Workers write, the service reads and deletes. Objects are ``<ref>/<part>``: a ref is a secret name,
so a listing says nothing of cameras, times or hazards. No text of the library beneath is passed on:
an S3 server's refusal repeats the key that it refused.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from pipelines.messages import EVIDENCE_REF_PATTERN, EvidencePart

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

REF: Final = re.compile(EVIDENCE_REF_PATTERN)

BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
"""What S3 allows."""

PREFIX: Final = re.compile(r"(?:[\w.-]+/)*[\w.-]*\Z", re.ASCII)
"""Below a bucket: plain names, nothing that has a meaning in an address."""

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600
"""For the user who runs worker and service alone: nobody else reads a picture past the audit."""

CLIENT: Final["ClientConfig"] = {"connect_timeout": "3s", "timeout": "10s"}
"""A still is some 50 kB, a clip under 2 MB: who needs longer will not come."""

RETRY: Final["RetryConfig"] = {"max_retries": 1, "retry_timeout": timedelta(seconds=5)}
"""Whoever writes has tries of its own, and whoever reads is a person who waits."""

FAULTS: Final = (BaseError, OSError, ValueError)
"""What the library raises: its own, and Python's for files that are absent or may not be read."""


class EvidenceStoreError(Exception):
    """The store refuses. The text says what to do and holds no credential."""


class EvidenceStore:
    """One directory or bucket. Safe in any thread; holds no connection open while unused."""

    def __init__(self, url: str) -> None:
        """Take a directory's path, or ``s3://bucket/prefix``.

        Credentials, region and endpoint of S3 are those of the ``AWS_*`` environment. Nothing is
        made or connected to yet; raises ``EvidenceStoreError`` for what is no such address.
        """
        self._directory: Path | None = None
        self._bucket: S3Store | None = None
        if "://" in url:
            self.shown, self._bucket = _bucket(url)
        elif not url or "\0" in url:
            raise EvidenceStoreError("evidence: name a directory, or s3://bucket/prefix")
        else:
            self._directory = Path(url).absolute()
            self.shown = str(self._directory)
        """Its address, for logs: it holds no credential."""

    def put(self, ref: str, part: EvidencePart, content: bytes) -> None:
        """Write a part; it is there whole or not at all."""
        name = _name(ref, part)
        try:
            if self._directory is None:
                obstore.put(self._objects(), name, content, use_multipart=False)
            else:
                self._put_file(self._directory / ref, part, content)
        except FAULTS as error:
            raise self._refusal("write", error) from None

    def get(self, ref: str, part: EvidencePart) -> bytes | None:
        """Return a part, or ``None`` where it isn't there."""
        name = _name(ref, part)
        if self._is_absent():
            return None
        try:
            return bytes(obstore.get(self._objects(), name).bytes())
        except FAULTS as error:
            if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
                return None
            raise self._refusal("read", error) from None

    def parts(self, ref: str) -> tuple[EvidencePart, ...]:
        """Return which parts there are."""
        require_ref(ref)
        found = {part for _, part, _ in self._listed(f"{ref}/")}
        return tuple(part for part in EvidencePart if part in found)

    def delete(self, ref: str, only: EvidencePart | None = None) -> None:
        """Delete all parts, or one; what is absent already is fine."""
        require_ref(ref)
        try:
            if self._directory is None:
                for part in EvidencePart if only is None else (only,):
                    with suppress(FileNotFoundError):
                        obstore.delete(self._objects(), f"{ref}/{part}")
            elif only is not None:
                (self._directory / ref / only).unlink(missing_ok=True)
            else:
                _delete_files(self._directory / ref)
        except FAULTS as error:
            raise self._refusal("delete", error) from None

    def refs(self) -> Iterator[tuple[str, datetime]]:
        """Yield each ref with the time of its newest part.

        One of a directory that holds nothing (a write that was cut off) has its directory's time.
        """
        seen = set()
        for ref, parts in groupby(self._listed(None), lambda one: one[0]):
            seen.add(ref)
            yield ref, max(at for _, _, at in parts)
        if self._directory is not None:
            yield from self._empty(self._directory, seen)

    def _put_file(self, folder: Path, part: EvidencePart, content: bytes) -> None:
        folder.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        try:
            obstore.put(self._objects(), f"{folder.name}/{part}", content, use_multipart=False)
            (folder / part).chmod(FILE_MODE)  # until then the directory's mode keeps others out
        except FAULTS:
            with suppress(OSError):  # unless another part is there
                folder.rmdir()
            raise

    def _objects(self) -> LocalStore | S3Store:
        return self._bucket or LocalStore(self._directory)

    def _is_absent(self) -> bool:
        """Say whether nothing was ever put into a directory."""
        try:
            return self._directory is not None and not self._directory.is_dir()
        except OSError as error:
            raise self._refusal("list", error) from None

    def _listed(self, prefix: str | None) -> Iterator[tuple[str, EvidencePart, datetime]]:
        """Yield what is named like ours; a ref's parts one after the other."""
        if self._is_absent():
            return
        try:
            for objects in obstore.list(self._objects(), prefix):
                for one in objects:
                    ref, _, name = one["path"].rpartition("/")
                    if REF.match(ref) and name in set(EvidencePart):
                        yield ref, EvidencePart(name), one["last_modified"]
        except FAULTS as error:
            raise self._refusal("list", error) from None

    def _empty(self, directory: Path, seen: set[str]) -> Iterator[tuple[str, datetime]]:
        try:
            if not self._is_absent():
                for entry in os.scandir(directory):
                    if REF.match(entry.name) and entry.name not in seen:
                        yield entry.name, datetime.fromtimestamp(entry.stat().st_mtime, UTC)
        except OSError as error:
            raise self._refusal("list", error) from None

    def _refusal(self, verb: str, error: Exception) -> EvidenceStoreError:
        what = "bucket, credentials and endpoint (AWS_*)"
        if self._directory is not None:
            what = "its disk's space, and that this user may write there"
        return EvidenceStoreError(
            f"the evidence store {self.shown} refuses to {verb}: {_cause(error)}: check {what}"
        )


def require_ref(ref: str) -> None:
    """Raise ``EvidenceStoreError`` for what is no ref, so that no name leads out of the store."""
    if not REF.match(ref):
        raise EvidenceStoreError("that is no name of evidence")


def _name(ref: str, part: EvidencePart) -> str:
    require_ref(ref)
    if part not in set(EvidencePart):
        raise EvidenceStoreError("that is no part of evidence")
    return f"{ref}/{part}"


def _bucket(url: str) -> tuple[str, S3Store]:
    parts = urlsplit(url)
    prefix = parts.path.strip("/")
    is_plain = BUCKET.match(parts.netloc) and PREFIX.match(prefix) and ".." not in prefix
    if parts.scheme != "s3" or not is_plain or parts.query or parts.fragment:
        raise EvidenceStoreError(  # without the text: it may hold a key
            "the evidence store's address is none: write a directory, or s3://bucket/prefix with"
            " the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    in_clear = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    try:
        store = S3Store(
            parts.netloc,
            prefix=prefix or None,
            client_options={**CLIENT, "allow_http": in_clear},
            retry_config=RETRY,
        )
    except FAULTS as error:
        raise EvidenceStoreError(
            f"s3://{parts.netloc}: the AWS_* environment can't be used ({type(error).__name__})"
        ) from None
    return f"s3://{parts.netloc}/{prefix}".rstrip("/"), store


def _delete_files(folder: Path) -> None:
    with suppress(FileNotFoundError):
        for path in folder.iterdir():  # what was written by halves, too
            path.unlink(missing_ok=True)
        folder.rmdir()


def _cause(error: Exception) -> str:
    """Return what may be told of an error: numbers and codes of it, never its words."""
    number = error.errno if isinstance(error, OSError) and error.errno else None
    found = re.search(r"\(os error (\d+)\)|\bcode: (\d+), kind:", str(error))
    if found is not None:
        number = int(found[1] or found[2])
    if number is not None:
        return os.strerror(number)
    if "BadScheme" in str(error):
        return "its endpoint is http://, which needs AWS_ALLOW_HTTP=true"
    if (away := re.search(r"\bkind: (Connect|Timeout),", str(error))) is not None:
        return "it can't be reached" if away[1] == "Connect" else "it doesn't answer in time"
    code = re.search(r"<Code>(\w{1,64})</Code>", str(error))
    status = re.search(r"\bstatus(?: code)?:? (\d{3})\b", str(error))
    told = (code and code[1], status and f"HTTP {status[1]}")
    return ", ".join(one for one in told if one) or type(error).__name__
