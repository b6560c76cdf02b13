"""What commands say to whoever started them: figures to the output, everything else beside it."""

import os
import sys


def tell(line: str) -> None:
    """Say something beside the figures."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def show(figures: str) -> None:
    """Print what was asked for, at the end of a command."""
    try:
        sys.stdout.write(figures + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        stop_showing()


def stop_showing() -> None:
    """Print no more: whoever read it has gone, as ``head`` does, and that is no fault."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for the interpreter's own flush
