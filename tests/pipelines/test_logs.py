"""What a process writes to its log, seen from outside: in a child, as it is configured there."""

import subprocess
import sys

import pytest

from tests.support.media import REPOSITORY

CLEAR = 'n0t-"to be=seen\\é'
START = f"""
import logging, sys, threading, warnings
import structlog
from pipelines import logs
from pipelines.secrets import Secret
logs.configure()
clear = {CLEAR!r}
secret = Secret(clear)
log = structlog.get_logger()
"""


def said(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", START + code],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.stdout == ""
    assert CLEAR not in done.stderr
    assert "n0t-" not in done.stderr
    assert "seen" not in done.stderr
    return done.stderr.splitlines()


def test_an_event_is_a_line_of_time_level_event_and_the_rest() -> None:
    (line,) = said("log.info('worker_started', cameras=3, near='a b')")
    time, level, event, rest = line.split(" ", 3)
    assert time.startswith("timestamp=2")
    assert time.endswith("Z")
    assert (level, event, rest) == ("level=info", "event=worker_started", 'cameras=3 near="a b"')


@pytest.mark.parametrize(
    "code",
    [
        "log.info('e', key=clear)",
        "log.info(clear)",
        "log.info('e', key={'a': [clear]})",
        "log.info('e', key=secret)",
        "log.info('e', password='seen-nowhere')",
        "log.warning('e', url=f'rtsp://u:{clear}@10.0.0.1/x')",
        "logging.getLogger('library').warning('at %s', clear)",
        "logging.getLogger('library').warning('broken %d', clear)",
        "warnings.warn(clear)",
        "try:\n    raise ValueError(clear)\nexcept ValueError:\n    log.error('e', exc_info=True)",
        "try:\n    raise ValueError(clear)\nexcept ValueError:\n    log.exception('e')",
        "try:\n    int(clear)\nexcept ValueError as e:\n    logging.exception('%s', e)",
        "raise ValueError(clear)",
        "raise ValueError('a') from RuntimeError(clear)",
        "t = threading.Thread(target=lambda: int(clear))\nt.start()\nt.join()",
        "class A:\n    def __del__(self):\n        raise ValueError(clear)\nA()",
    ],
)
def test_no_way_into_the_log_shows_a_password(code: str) -> None:
    lines = said(code)
    assert len(lines) == 1, lines
    assert "level=" in lines[0]


def test_a_crash_leaves_its_trace_on_one_line_and_a_bad_exit_code() -> None:
    (line,) = said("def deep():\n    raise ValueError(clear)\ndeep()")
    assert "event=crashed" in line
    assert "in deep" in line
    assert "ValueError: ***" in line


def test_a_thread_s_crash_names_the_thread() -> None:
    code = "t = threading.Thread(target=lambda: 1 / 0, name='reader-1')\nt.start()\nt.join()"
    (line,) = said(code)
    assert "event=thread_crashed" in line
    assert "thread=reader-1" in line


def test_a_name_cannot_begin_a_line_of_its_own() -> None:
    for mark in ("\\n", "\\r", "\\x85", "\\u2028", "\\x1b[2K"):
        (line,) = said(f"log.info('camera', camera='gate{mark}level=error event=forged')")
        assert "\x1b" not in line


def test_a_library_s_chatter_is_left_out() -> None:
    assert said("logging.getLogger('library').info('hello')") == []
    assert said("log.debug('hello')") == []


def test_a_password_that_is_an_ordinary_word_takes_no_key_away() -> None:
    words = "camera", "event", "level", "timestamp", "fault"
    (line,) = said(
        f"held = [Secret(w) for w in {words}]\nlog.info('e', camera='camera', fault='a')"
    )
    assert "level=info event=e camera=*** fault=a" in line
    assert line.startswith("timestamp=2")


def test_what_a_key_calls_a_password_is_none_of_the_log_s() -> None:
    (line,) = said("log.info('e', password='seen nowhere', api_key=7, tokens=3)")
    assert line.endswith("event=e password=*** api_key=*** tokens=3")
