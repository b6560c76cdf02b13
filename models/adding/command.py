"""``fengsui model``: add somebody's network as a pack, list packs, show one."""

import argparse
import json
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from models.adding.add import add
from models.adding.label_lists import labels_of
from models.adding.pack_text import RAISES, prepared
from models.adding.request import Added, Request
from models.labels import LabelError
from models.packs import DEFAULT_PACK, Pack, PackError, load_pack
from vision.decoders import DecoderName
from vision.masker import PINNED_SHA256

PACKS: Final = Path("packs")
NAME: Final = re.compile("[a-z0-9_]{1,40}")
DONE, REFUSED, INTERRUPTED, STOPPED = 0, 1, 130, 143
UNKNOWN_LICENCE: Final = "not declared: ask who made the file"


class _StoppedError(BaseException):
    """SIGTERM came. No fault: what is half done goes as at Ctrl-C."""


def main(words: Sequence[str]) -> int:
    """Run ``fengsui model``.

    Returns 0 when done, 1 if refused, 2 for wrong arguments, 130 or 143 if it was stopped.
    """
    given = _parser().parse_args(words)
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        text, machine = given.run(given)
    except (PackError, LabelError) as error:
        sys.stderr.write(f"fengsui: {error}\n")
        if given.json:
            _print({"error": error.code, "text": str(error)})
        return REFUSED
    except KeyboardInterrupt:
        sys.stderr.write("\nfengsui: interrupted\n")
        return INTERRUPTED
    except _StoppedError:
        return STOPPED
    finally:
        signal.signal(signal.SIGTERM, before)
    sys.stdout.write(text + "\n")
    if given.json:
        _print(machine)
    return DONE


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _StoppedError


def _print(machine: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(machine, ensure_ascii=False) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fengsui model", description="Model packs: the product's own, and other people's."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    adding = commands.add_parser("add", help="make a pack of an ONNX file, try and measure it")
    _add_what(adding)
    _add_picture(adding)
    adding.set_defaults(run=_add)
    listing = commands.add_parser("list", help="packs, and whether each can be used")
    listing.set_defaults(run=_list)
    showing = commands.add_parser("show", help="what a pack says of itself")
    showing.add_argument("pack", type=Path, nargs="?", default=DEFAULT_PACK, metavar="DIR")
    showing.set_defaults(run=_show)
    for one in (adding, listing):
        one.add_argument(
            "--packs", type=Path, default=PACKS, metavar="DIR", help="(default: %(default)s)"
        )
    for one in (adding, listing, showing):
        one.add_argument("--json", action="store_true", help="one object on the last line")
    return parser


def _add_what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.onnx")
    parser.add_argument(
        "--labels",
        required=True,
        metavar="A,B=ROLE,…|FILE",
        help="every class of the network in its order, or a file with one a line; fire, smoke, "
        "rock, car, person and the like go without saying, others say what they may become: "
        "brand=hazard:fire, lorries=vehicle, menschen=mask",
    )
    parser.add_argument("--name", type=_name, help="of the pack (default: the file's)")
    parser.add_argument(
        "--decoder",
        type=DecoderName,
        choices=list(DecoderName),
        metavar="|".join(DecoderName),
        help="(default: guessed from the outputs, and told)",
    )
    parser.add_argument("--threshold", type=_share, default=0.5, help="(default: %(default)s)")
    parser.add_argument("--iou", type=_share, default=0.5, help="(default: %(default)s)")
    parser.add_argument("--licence", default=UNKNOWN_LICENCE, help="of the weights")
    parser.add_argument("--replace", action="store_true", help="an older pack of the name goes")


def _add_picture(parser: argparse.ArgumentParser) -> None:
    usual = "(default: as the decoder's family does, and told)"
    parser.add_argument(
        "--input", type=_size, metavar="HxW", help="for a network that leaves its size open"
    )
    parser.add_argument("--channels", choices=("rgb", "bgr"), help=usual)
    parser.add_argument("--scale", type=float, choices=(255.0, 1.0), help=f"a divisor {usual}")
    parser.add_argument("--mean", type=_three, metavar="R,G,B", help="taken off after the scale")
    parser.add_argument("--std", type=_divisors, metavar="R,G,B", help="divides after that")
    parser.add_argument(
        "--batch", type=_batches, metavar="1,2,4", help="pictures at a time, as the network can"
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        action="append",
        default=[],
        metavar="FILE|DIR",
        help="try it on this, too, or on the JPEG and PNG files in it; may be given again",
    )


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("use 1 to 40 of a-z, 0-9 and _")
    return text


def _share(text: str) -> float:
    value = float(text)
    if not 0.01 <= value <= 0.99:
        raise argparse.ArgumentTypeError("give a number from 0.01 to 0.99")
    return value


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    sides = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(64 <= side <= 2048 and side % 2 == 0 for side in sides):
        raise argparse.ArgumentTypeError("give height x width, even, 64 to 2048, such as 384x640")
    return sides


def _three(text: str) -> tuple[float, float, float]:
    numbers = [float(one) for one in text.split(",")]
    if len(numbers) != 3:
        raise argparse.ArgumentTypeError("give three numbers")
    return numbers[0], numbers[1], numbers[2]


def _divisors(text: str) -> tuple[float, float, float]:
    numbers = _three(text)
    if not all(number > 0 for number in numbers):
        raise argparse.ArgumentTypeError("give three numbers over 0")
    return numbers


def _batches(text: str) -> tuple[int, ...]:
    sizes = tuple(sorted({int(one) for one in text.split(",")}))
    if not 1 <= sizes[0] <= sizes[-1] <= 64:
        raise argparse.ArgumentTypeError("give numbers from 1 to 64")
    return sizes


def _add(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    stem = re.sub("[^a-z0-9]+", "_", given.file.stem.lower()).strip("_")[:40]
    added = add(
        Request(
            file=given.file,
            labels=labels_of(given.labels),
            name=given.name or stem or "pack",
            packs=given.packs,
            decoder=given.decoder,
            size_px=given.input,
            channels=given.channels,
            scale=given.scale,
            mean=given.mean,
            std=given.std,
            batch_sizes=given.batch,
            threshold=given.threshold,
            iou=given.iou,
            licence=given.licence,
            replace=given.replace,
            pictures=tuple(given.pictures),
        )
    )
    pack, how = load_pack(added.directory), added.draft.preparation
    return _told(added, pack), {
        **_described(pack),
        "directory": str(added.directory),
        "guessed": added.guessed,
        "preparation": None if how is None else asdict(how),
        "given_sha256": added.draft.given_sha256,
        **asdict(added.figures),
    }


def _told(added: Added, pack: Pack) -> str:
    figures = added.figures
    times = ", ".join(f"{ms:.1f} at {size}" for size, ms in figures.ms_per_picture.items())
    roles = ", ".join(f"{one.name} ({one.hazard or one.role})" for one in pack.settings.labels)
    raises = [f"{RAISES}."] if pack.sha256 != PINNED_SHA256 else []
    return "\n".join(
        [
            f"{pack.name} is in {added.directory}",
            f"decoder: {added.draft.decoder}{' (guessed; --decoder says another)' * added.guessed}",
            f"picture: {prepared(added.draft.preparation)}",
            f"labels: {roles}",
            f"loaded in {figures.load_ms:.0f} ms; ms a picture on one thread: {times}",
            f"tried on {figures.pictures} pictures, a hazard found in {figures.with_hazard}",
            *raises,
            f"use it: fengsui watch --pack {added.directory} URL_OR_FILE",
        ]
    )


def _described(pack: Pack) -> dict[str, Any]:
    settings = pack.settings
    return {
        "name": pack.name,
        "sha256": pack.sha256,
        "decoder": settings.decoder,
        "input": [settings.input_height_px, settings.input_width_px],
        "batch_sizes": list(settings.batch_sizes),
        "labels": [
            {"name": one.name, "role": one.role, "hazard": one.hazard, "threshold": one.threshold}
            for one in settings.labels
        ],
    }


def _list(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    packs = []
    found = sorted(path.parent for path in given.packs.glob("*/pack.toml"))
    for directory in [DEFAULT_PACK, *found]:
        try:
            packs.append({"directory": str(directory), **_described(load_pack(directory))})
        except PackError as error:
            packs.append({"directory": str(directory), "refused": str(error), "code": error.code})
    lines = [
        f"{one['directory']}: {one.get('name') or 'refused: ' + one['refused']}" for one in packs
    ]
    return "\n".join(lines), {"packs": packs}


def _show(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    described = _described(load_pack(given.pack))
    labels = described.pop("labels")
    lines = [f"{name}: {value}" for name, value in described.items()]
    lines += [
        f"  {one['name']}: {one['hazard'] or one['role']} from {one['threshold']}" for one in labels
    ]
    return "\n".join(lines), {**described, "labels": labels}
