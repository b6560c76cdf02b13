"""A process that serves one clip over RTSP from its first frame, for each client anew.

``python -m tests.support.serve_clip FILE`` prints its address, then ``left`` when the first frame
has been sent; ends when its input closes.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from pipelines.drills.encoder import load_h264
from pipelines.drills.rtsp import Mount, RtspServer


class FirstFrame:
    """Tells when the first frame left."""

    def __init__(self) -> None:
        self.told = False

    def due(self, mount: str, cycle: int, at_s: float) -> None:
        pass

    def left(self, mount: str, cycle: int, at_s: float) -> None:
        if not self.told:
            say({"left": time.time()})
        self.told = True


def say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main(path: Path) -> None:
    mount = Mount(name="clip", clip=load_h264(path), restart_per_client=True, cycles=1)
    server = RtspServer([mount], watcher=FirstFrame())
    port = await server.start()
    say({"url": f"rtsp://127.0.0.1:{port}/clip"})
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
