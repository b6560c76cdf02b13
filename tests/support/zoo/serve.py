"""The zoo as a process: serves the habits named as arguments until its input closes.

Prints one line of JSON: addresses by habit. What these cameras cost is then not the worker's.
"""

import contextlib
import json
import sys

from tests.support.zoo import ZOO


def main() -> None:
    """Serve."""
    with contextlib.ExitStack() as stack:
        cameras = {habit: stack.enter_context(ZOO[habit]()) for habit in sys.argv[1:]}
        sys.stdout.write(json.dumps({habit: one.url for habit, one in cameras.items()}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
