"""``fengsui eval``: how good a pack is on pictures and clips of one's own."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2

from models.packs import DEFAULT_PACK, PackError, load_pack
from pipelines.evaluate import tables
from pipelines.evaluate.faults import EvaluationError, Progress, shown
from pipelines.evaluate.figures import Figures
from pipelines.evaluate.images import Request, judge
from pipelines.evaluate.timing import fitted, video_figures, video_notes
from pipelines.evaluate.truth import read_truth
from pipelines.evaluate.video import watch
from pipelines.terminal import show, stop_showing, tell

DONE, FAILED, INTERRUPTED = 0, 1, 130

USUAL_CACHE: Final = "~/.cache/fengsui/drills"
"""Where the looks of drills are kept if nobody names a place."""

MOST_HOURS: Final = 1000.0
"""Of each hazard: a week's work of one core."""

IMAGES_HELP: Final = """\
DIR holds images/ and labels/, or a .txt beside each picture (nested folders too). A line of a
label file is `class cx cy w h`, shares of the picture. An EMPTY .txt says that nothing is there;
a picture without any .txt is left out and counted. The class list is --names, else DIR/data.yaml,
classes.txt or obj.names, else the pack's own labels. What each figure means: docs/evaluation.md
"""

VIDEO_HELP: Final = """\
The truth is JSON: {"events": [{"hazard": "fire", "from_s": 4.0, "to_s": 51.0}]}, the list alone,
or CSV with the head hazard,from_s,to_s (start and end, from and to, begin mean the same).
`"events": []` says that the clip shows no hazard; times count from the clip's beginning. The clip
goes through the stages of a worker in its own time: keyframes that come often enough are looked
at, else a picture every 1.9 s; none is dropped.
"""

EVIDENCE_HELP: Final = """\
The sharp box of evidence is laid over each labelled person in turn: how often is at least nine
tenths of him filled? Likewise over each labelled vehicle, with a plate of noise drawn on it: are
more than 16 pixels of its width left? With --judge, a detector of your own says in how many
pictures it still finds people in what isn't sharp. No picture is written.
"""

DRILLS_HELP: Final = """\
Scenes that the product draws itself, with exact truth: hazards, look-alikes, people. Each goes
through a worker's detector, measures and rules in its own time. What the rules were given is kept
in --cache, so a change of rules alone is replayed in seconds. Drills show the path; quality is
judged on real clips. What each figure means: docs/evaluation.md
"""


def main(words: Sequence[str]) -> int:
    """Run ``eval``; returns 0 when done, 1 if nothing can be said, 130 if interrupted."""
    given = _parser().parse_args(words)
    # One thread, as in a worker; what OpenCV says of a damaged file, we say with its name.
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        _require_writable(given.report)
        code: int = given.run(given)
    except (EvaluationError, PackError) as error:
        tell(f"fengsui: {error}")
        return FAILED
    except KeyboardInterrupt:
        tell("\nfengsui: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        stop_showing()
        return DONE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fengsui eval", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    images = _command(commands, "images", "labelled pictures (YOLO labels)", IMAGES_HELP)
    images.add_argument("folder", type=Path, metavar="DIR", help="the labelled pictures")
    images.add_argument("--negatives", type=Path, metavar="DIR", help="pictures without a hazard")
    images.add_argument(
        "--names", metavar="LIST", help="class names in the order of their numbers, or a file"
    )
    images.add_argument(
        "--known",
        metavar="LIST",
        help="classes that are labelled in full (default: those with at least one box); others "
        "get no figures and raise no false alarms",
    )
    images.add_argument(
        "--limit", type=_count, metavar="N", help="N pictures of each folder, evenly spread"
    )
    images.set_defaults(run=_images)
    video = _command(commands, "video", "a clip and what really happens in it", VIDEO_HELP)
    video.add_argument("file", type=Path, metavar="FILE", help="the clip")
    video.add_argument("--truth", type=Path, metavar="FILE", required=True, help="JSON or CSV")
    video.set_defaults(run=_video)
    _add_evidence(commands)
    _add_drills(commands)
    return parser


def _add_evidence(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evidence = commands.add_parser(
        "evidence", help="whether evidence shows anybody", description=EVIDENCE_HELP
    )
    evidence.add_argument("folder", type=Path, metavar="DIR", help="labelled pictures of people")
    evidence.add_argument("--names", metavar="LIST", help="class names in their order, or a file")
    evidence.add_argument("--limit", type=_count, metavar="N", help="N pictures, evenly spread")
    evidence.add_argument(
        "--judge", type=Path, metavar="FILE.py", help="`people(bgr) -> boxes`: a detector of yours"
    )
    evidence.add_argument("--json", action="store_true", help="one object on the last line")
    evidence.set_defaults(run=_evidence, report=None)


def _add_drills(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    drills = _command(commands, "drills", "the rules on drawn scenes with exact truth", DRILLS_HELP)
    drills.add_argument(
        "--seeds", type=_count, metavar="N", default=1, help="play each with N seeds (default 1)"
    )
    drills.add_argument(
        "--hours",
        type=_hours,
        metavar="H",
        help="look-alikes with ever new seeds, until each hazard was watched for H hours of them; "
        "plays of people for H hours, too",
    )
    drills.add_argument(
        "--only",
        type=_words,
        action="append",
        metavar="WORD[,WORD]",
        default=[],
        help="plays with such a part in their name, or of the kind hazard, lookalike or people",
    )
    drills.add_argument(
        "--cache", type=_folder, metavar="DIR", help=f"default {USUAL_CACHE}", default=USUAL_CACHE
    )
    drills.add_argument(
        "--jobs", type=_count, metavar="N", default=2, help="processes at once (default 2)"
    )
    drills.set_defaults(run=_drills)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    help_: str,
    description: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=help_,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--pack", type=Path, metavar="DIR", help="another model pack")
    command.add_argument("--report", type=Path, metavar="OUT.html", help="write a page")
    command.add_argument("--json", action="store_true", help="one object on the last line")
    return command


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _hours(text: str) -> float:
    hours = float(text)
    if not 0.0 < hours <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"more than 0, at most {MOST_HOURS:g}")
    return hours


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("no folder is named: give one, or leave --cache out")
    return Path(text)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def _images(given: argparse.Namespace) -> int:
    request = Request(
        folder=given.folder,
        negatives=given.negatives,
        names=given.names,
        known=given.known,
        limit=given.limit,
        pack_dir=given.pack or DEFAULT_PACK,
    )
    progress = Progress("pictures")
    judgement = judge(request, progress.tell, progress)
    progress.end()
    if given.report:
        from pipelines.evaluate.report import images_page  # noqa: PLC0415 - plots, for few

        _write(given.report, images_page(judgement, str(given.folder)))
    _print(given, judgement.figures, tables.images(judgement.figures), judgement.notes)
    return DONE


def _video(given: argparse.Namespace) -> int:
    truth = read_truth(given.truth)
    pack = load_pack(given.pack or DEFAULT_PACK)
    progress = Progress("s")
    watched = watch(given.file, pack, progress)
    progress.end()
    there = fitted(truth.events, watched.length_s, f"{shown(given.truth)}, {shown(given.file)}")
    figures = {
        **video_figures(watched, there),
        "left_out": watched.drops,
        "pack": pack.name,
        "pack_sha256": pack.sha256,
    }
    notes = [*truth.notes, *video_notes(watched, truth.events)]
    if given.report:
        from pipelines.evaluate.report import video_page  # noqa: PLC0415 - plots, for few

        _write(given.report, video_page(watched, there, figures, str(given.file), notes))
    _print(given, figures, tables.video(figures), notes)
    return DONE


def _evidence(given: argparse.Namespace) -> int:
    # For this command alone.
    from pipelines.evaluate.evidence import EvidenceRequest, measure  # noqa: PLC0415

    progress = Progress("pictures")
    asked = EvidenceRequest(
        folder=given.folder, names=given.names, limit=given.limit, judge=given.judge
    )
    figures = measure(asked, progress.tell, progress)
    progress.end()
    _print(given, figures, "\n".join(f"{name}: {value}" for name, value in figures.items()), [])
    return DONE


def _drills(given: argparse.Namespace) -> int:
    # Drawing and the rules are a second to import, and for this command alone.
    from pipelines.evaluate.drills_crew import Asked, play_all  # noqa: PLC0415
    from pipelines.evaluate.drills_report import drills_page, text  # noqa: PLC0415

    progress = Progress("plays")
    asked = Asked(
        only=tuple(word for words in given.only for word in words),
        seeds=given.seeds,
        hours=given.hours,
        jobs=given.jobs,
        pack_dir=given.pack or DEFAULT_PACK,
        folder=given.cache,
    )
    figures = play_all(asked, progress)
    progress.end()
    if given.report:
        _write(given.report, drills_page(figures, []))
    _print(given, figures, text(figures), [])
    return DONE


def _print(given: argparse.Namespace, figures: Figures, text: str, notes: Sequence[str]) -> None:
    for note in notes:
        tell(f"note: {note}")
    if given.json:
        text = json.dumps({**figures, "notes": list(notes)}, allow_nan=False)
    show(text)


def _require_writable(path: Path | None) -> None:
    """Raise ``EvaluationError`` now rather than after an hour's work."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise EvaluationError(f"--report {shown(path)}: give a file in a folder that is there")


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, "utf-8", "replace")
    except OSError as error:
        raise EvaluationError(
            f"--report {shown(path)}: it can't be written ({error.strerror}): give another place"
        ) from error
