"""The process that serves the drill cameras and tells, line by line in JSON, what its script does.

``python -m pipelines.drills.server --cache DIR [--port N] [--scenes a,b] [--cycles N]
[--quiet-first SECONDS]``, or
``--still OUT.png --scene street_fire --at 15`` to look at a scene.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import cv2

from pipelines.cameras_file import DRILL_PREFIX
from pipelines.drills.clip import Clip
from pipelines.drills.encoder import cached_clip
from pipelines.drills.rtsp import Mount, RtspServer
from pipelines.drills.scenes import SCENES, DrillScene

TITLES = {
    "street_fire": "演练·街道起火 Drill: fire in a street",
    "yard_smoke": "演练·院后冒烟 Drill: smoke behind a yard",
    "road_rock": "演练·山路落石 Drill: rocks on a mountain road",
}
"""What people call the drill cameras."""

START_S = 3.0
"""Time for a worker to come; then the script starts alone, so that nobody can hold it up."""

_PARENT_S = 1.0
"""How often to look whether the parent still lives."""


class StoppedError(Exception):
    """Somebody asked to stop while loops were being drawn."""


def camera_id(scene: DrillScene) -> str:
    """Return the name under which the service knows the drill camera."""
    return DRILL_PREFIX + scene.name.replace("_", "-")


@dataclass(slots=True, kw_only=True)
class Script:
    """Tells what the script does as it happens."""

    scenes: dict[str, DrillScene]
    """By mount."""
    out: TextIO
    """Where the lines go."""
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    """Names this start of the process: each counts its cycles from 0."""
    told: set[tuple[str, str, int]] = field(default_factory=set)
    """Event, mount and cycle of what has been told."""

    def say(self, event: str, **fields: object) -> None:
        """Write one line."""
        self.out.write(json.dumps({"event": event, **fields}) + "\n")
        self.out.flush()

    def due(self, mount: str, cycle: int, at_s: float) -> None:
        """Tell of an onset or its end when the first frame of it is due."""
        scene = self.scenes[mount]
        if scene.shows_hazard(at_s):
            self._once("onset", scene, cycle)
        elif ("onset", scene.name, cycle) in self.told:
            self._once("cleared", scene, cycle)

    def left(self, mount: str, cycle: int, at_s: float) -> None:
        """Tell when the first frame that shows the hazard has left for any client."""
        scene = self.scenes[mount]
        if scene.shows_hazard(at_s):
            self._once("hazard_left", scene, cycle)

    def _once(self, event: str, scene: DrillScene, cycle: int) -> None:
        mark = (event, scene.name, cycle)
        if mark in self.told:
            return
        self.told = {known for known in self.told if known[2] >= cycle - 1} | {mark}
        self.say(
            event,
            camera_id=camera_id(scene),
            hazard=scene.hazard.value,
            run=self.run,
            cycle=cycle,
            at=datetime.now(UTC).isoformat(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What the process was told."""

    scenes: tuple[DrillScene, ...]
    """What to serve."""
    cache: Path
    """Where encoded loops are kept."""
    port: int = 0
    """0 picks a free one."""
    cycles: int | None = None
    """Turns of the loop, then the process ends; None is for ever."""
    quiet_first_s: float = 0.0
    """The script begins this long before the end of its loop, where nothing happens."""
    start_s: float = START_S
    """The script starts at the latest this long after listening."""


async def serve(settings: ServerSettings, out: TextIO) -> None:
    """Encode what isn't in the cache, serve until told to stop or until all turns are over."""
    stop = asyncio.Event()
    script = Script(scenes={scene.name: scene for scene in settings.scenes}, out=out)
    watch = _watch_for_the_end(stop)
    try:
        clips = await _clips(settings, script, stop)
        mounts = [
            Mount(
                name=scene.name,
                clip=clip,
                cycles=settings.cycles,
                start_at_s=scene.loop_s - settings.quiet_first_s if settings.quiet_first_s else 0.0,
            )
            for scene, clip in zip(settings.scenes, clips, strict=True)
        ]
        server = RtspServer(mounts, watcher=script)
        port = await server.start(port=settings.port)
        script.say("listening", port=port, cameras=[_camera(s, port) for s in settings.scenes])
        asyncio.get_running_loop().call_later(settings.start_s, server.begin)
        await _until_over(server, stop)
        await server.stop()
        script.say("stopped", counters=asdict(server.counters))
    except StoppedError:
        script.say("stopped", counters={})
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _until_over(server: RtspServer, stop: asyncio.Event) -> None:
    """Wait for the end of the last turn, or for somebody to stop it."""
    loop = asyncio.get_running_loop()
    ends = [loop.create_task(stop.wait()), loop.create_task(server.finished())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in ends:
        task.cancel()
    await asyncio.gather(*ends, return_exceptions=True)


async def _clips(settings: ServerSettings, script: Script, stop: asyncio.Event) -> list[Clip]:
    """Return every scene's loop, drawn in a thread so that a stop is heard meanwhile."""
    clips = []
    for scene in settings.scenes:

        def progress(done: int, of: int, name: str = scene.name) -> None:
            if stop.is_set():
                raise StoppedError
            script.say("encoding", scene=name, done=done, of=of)

        def unkept(error: OSError, name: str = scene.name) -> None:
            script.say("not_kept", scene=name, cache=str(settings.cache), error=str(error))

        clips.append(await asyncio.to_thread(cached_clip, scene, settings.cache, progress, unkept))
    return clips


def _camera(scene: DrillScene, port: int) -> dict[str, object]:
    return {
        "camera_id": camera_id(scene),
        "name": TITLES[scene.name],
        "hazard": scene.hazard.value,
        "url": f"rtsp://127.0.0.1:{port}/{scene.name}",
        "onset_s": scene.onset_s,
        "clear_s": scene.clear_s,
        "loop_s": scene.loop_s,
    }


def _watch_for_the_end(stop: asyncio.Event) -> asyncio.Task[None]:
    """Set ``stop`` on SIGTERM, on SIGINT, when stdin closes or when the parent is gone.

    A standard input that is no pipe (a terminal, /dev/null) says nothing about the parent.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    mode = os.fstat(0).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        loop.add_reader(0, _read_stdin, stop)
    return loop.create_task(_watch_parent(stop))


def _read_stdin(stop: asyncio.Event) -> None:
    """Drop what the parent writes; its closing is the sign."""
    if not os.read(0, 4096):
        asyncio.get_running_loop().remove_reader(0)
        stop.set()


async def _watch_parent(stop: asyncio.Event) -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _PARENT_S)
            return
    stop.set()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="pipelines.drills.server", description=__doc__)
    parser.add_argument("--cache", type=Path, help="directory for encoded loops")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--scenes", default=",".join(SCENES), help="names, with commas")
    parser.add_argument("--cycles", type=int, help="turns of the loop, then stop")
    parser.add_argument(
        "--quiet-first",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="begin with the loop's quiet end: after a restart, so that no drill joins the last",
    )
    parser.add_argument("--still", type=Path, help="write one picture and stop")
    parser.add_argument("--scene", choices=tuple(SCENES), default=next(iter(SCENES)))
    parser.add_argument("--at", type=float, default=15.0, help="second of the loop")
    given = parser.parse_args(arguments)
    unknown = set(given.scenes.split(",")) - set(SCENES)
    if unknown:
        parser.error(f"no such scene: {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}")
    quietest_s = min(SCENES[name].loop_s - SCENES[name].clear_s for name in given.scenes.split(","))
    if not 0.0 <= given.quiet_first <= quietest_s:
        parser.error(f"--quiet-first: the loops are quiet at their end for {quietest_s:.0f} s")
    if given.still is None and given.cache is None:
        parser.error("--cache DIR is needed: a loop takes seconds to draw, once")
    return given


def main(arguments: Sequence[str]) -> int:
    """Run the process."""
    given = parse(arguments)
    if given.still is not None:
        cv2.imwrite(str(given.still), SCENES[given.scene].stage().frame(given.at))
        return 0
    settings = ServerSettings(
        scenes=tuple(SCENES[name] for name in given.scenes.split(",")),
        cache=given.cache,
        port=given.port,
        cycles=given.cycles,
        quiet_first_s=given.quiet_first,
    )
    try:
        asyncio.run(serve(settings, sys.stdout))
    except BrokenPipeError:  # the parent is gone, and nobody is left to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
