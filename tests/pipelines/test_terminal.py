"""What a command prints when nobody reads it any more, as with `| head`."""

import io
import json
import os
import subprocess
import sys

import pytest

from pipelines.terminal import one_line, plain, show, tell

SHOWS = "from pipelines.terminal import show; show('figures'); show('more')"


def test_who_stops_reading_is_told_of_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", SHOWS], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("to", "why"), [("/dev/full", "No space left on device"), ("&-", "Bad file descriptor")]
)
def test_an_output_that_takes_nothing_is_one_sentence(to: str, why: str) -> None:
    command = ["sh", "-c", f'"$0" -c "$1" >{to}', sys.executable, SHOWS]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n"), why in done.stderr) == (1, 1, True)


def test_errors_that_nobody_takes_are_no_fault() -> None:
    tells = "from pipelines.terminal import show, tell; tell('note'); show('figures')"
    for to in ("/dev/full", "&-"):
        command = ["sh", "-c", f'"$0" -c "$1" 2>{to}', sys.executable, tells]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        assert (done.returncode, done.stdout) == (0, b"figures\n")


HOSTILE = "a\x1b[2J\x9b\x7f\u202e\u2028\U000e0041\ud800"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "gb18030", "latin-1"])
def test_what_a_terminal_would_obey_is_escaped_and_json_stays_what_it_was(encoding: str) -> None:
    told = {"name": HOSTILE, "\u9053\u8def": '\u3000\U00020000 "\u00e9"'}
    shown = plain(json.dumps(told, ensure_ascii=False), encoding)
    assert json.loads(shown) == told
    assert shown.replace("\u3000", "").isprintable()
    assert ("\u9053\u8def" in shown) == (encoding in {"utf-8", "gb18030"})
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        assert show(json.dumps(told, ensure_ascii=False))
    assert out.buffer.getvalue().decode(encoding) == f"{shown}\n"  # type: ignore[attr-defined]


def test_a_row_of_a_table_is_one_line() -> None:
    assert one_line("a\nb\tc\u3000\u6c34") == "a\\u000ab\\u0009c\u3000\u6c34"
    assert plain("a\nb") == "a\nb"


def test_figures_go_to_the_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    tell("half done")
    show("{}")
    assert capsys.readouterr() == ("{}\n", "half done\n")
