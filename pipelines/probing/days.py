"""Whose turn it is: one place picture a camera and day, whichever worker makes it."""

from contextlib import suppress
from typing import Final, cast

import redis

from pipelines import streams

DAY_S: Final = 86_400


def key_of(camera_id: str) -> str:
    """Return the key that is there while a camera's day lasts."""
    return f"place.picture:{camera_id}"


class Day:
    """One camera's day, as one probe has it."""

    def __init__(self, client: streams.Client, camera_id: str, job_id: str, ref: str) -> None:
        self._client = client
        self._key = key_of(camera_id)
        self._job_id = job_id
        self._ref = ref

    def taken(self) -> str | None:
        """Take the day; return the name under which its picture is stored.

        ``None`` if another probe had it. One whose worker died gets its own again, with the name
        that it had: nothing is left over in the store. Raises ``redis.RedisError``.
        """
        value = f"{self._job_id} {self._ref}"
        if self._client.set(self._key, value, nx=True, ex=DAY_S):
            return self._ref
        found = cast("bytes | None", self._client.get(self._key)) or b""
        job_id, _, ref = found.decode("ascii", "replace").partition(" ")
        if job_id != self._job_id:
            return None
        self._ref = ref
        return ref

    def give_back(self) -> None:
        """Leave the day to whoever asks next: no picture was made."""
        with suppress(redis.RedisError), self._client.pipeline() as pipeline:
            pipeline.watch(self._key)  # type: ignore[no-untyped-call]
            held = cast("bytes | None", pipeline.get(self._key)) or b""
            if held.startswith(f"{self._job_id} ".encode()):
                pipeline.multi()
                pipeline.delete(self._key)
                pipeline.execute()
