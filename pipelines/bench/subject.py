"""The process of one subject: ``python -m pipelines.bench.subject``, spoken to as ``spec`` says."""

import os
import sys
import threading
import time
import traceback
from typing import Final

import msgspec

from pipelines import logs
from pipelines.bench.spec import Name, Result, Spec, Subject

POLL_S: Final = 0.05
ENCODER: Final = msgspec.json.Encoder()


def made(spec: Spec) -> Subject:
    """Return the subject, loaded. Each imports what it alone needs: that is part of its memory."""
    if spec.name in ("ours", "ours_gate_off"):
        from pipelines.bench.ours import Ours  # noqa: PLC0415

        return Ours(spec.streams, gate=spec.name == "ours")
    return _baseline(spec.name, spec)


def _baseline(name: Name, spec: Spec) -> Subject:
    from pipelines.bench import baselines  # noqa: PLC0415

    if name == "opencv":
        return baselines.OpenCv(spec.streams)
    if name == "demux":
        return baselines.Demux(spec.streams)
    looker = baselines.Looker() if name == "ffmpeg_detect" else None
    return baselines.Ffmpeg(spec.streams, looker)


def main() -> None:
    """Be a subject until told to end, or until whoever tells is gone."""
    threading.excepthook = _end
    logs.configure()  # on stderr: what is told goes to stdout
    subject = made(msgspec.json.decode(sys.stdin.readline(), type=Spec))
    _say("loaded")
    try:
        _follow(subject)
    finally:
        subject.stop()
    os._exit(0)  # threads may hang in FFmpeg; nothing here needs an ordered end


def _end(told: threading.ExceptHookArgs) -> None:
    """End the process with a thread of it: it is no longer what was to be measured."""
    if told.exc_value is not None:
        traceback.print_exception(told.exc_value)
    os._exit(1)


def _follow(subject: Subject) -> None:
    parent = os.getppid()
    _hear("connect")
    subject.connect()
    while not subject.ready():
        time.sleep(POLL_S)
        if os.getppid() != parent:
            raise SystemExit("whoever measured is gone")
    _say("ready")
    _hear("begin")
    subject.begin()
    _hear("end")
    _say("result", subject.end())


def _hear(word: str) -> None:
    """Wait for a word. Raises ``SystemExit`` if another comes, or none will."""
    heard = sys.stdin.readline().strip()
    if heard != word:
        raise SystemExit(f"expected {word}, heard {heard or 'the end'}")


def _say(event: str, result: Result | None = None) -> None:
    sys.stdout.buffer.write(ENCODER.encode({"event": event, "result": result}) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
