"""What the numbers in label files mean: the set's class list, and the pack's label of each."""

import json
import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int64

from models.labels import KNOWN, PEOPLE
from pipelines.evaluate.faults import EvaluationError, shown
from vision.hazards import Hazard
from vision.roles import Label, Role

PERSON: Final = -2
"""A labelled person: covered or not, nothing else."""

VEHICLE: Final = -3
"""A labelled vehicle of a kind that the pack has no label for, or that isn't told."""

UNKNOWN: Final = -1
"""A class that the pack has no label for: its boxes say nothing."""

MAX_BYTES: Final = 1 << 20

_ITEM: Final = re.compile(
    r"""\s*(?:-\s+)?(?:(['"]?)(?P<number>\d+)\1\s*:\s*)?"""
    r"""(?:'(?P<raw>[^']*)'|(?P<quoted>"(?:[^"\\]|\\.)*")|"""
    r"""(?P<bare>[^\s'"\[\]{}&*!|>%@`,:-][^,\[\]{}]*?))\s*(?:,|$)"""
)
"""One of a list or mapping in YAML, quoted or not; anchors, tags and nests are none."""

_PEOPLE: Final = frozenset(PEOPLE.split()) | frozenset(
    """
    worker employee man men woman women child children kid boy girl adult firefighter fireman
    firemen policeman motorcyclist bicyclist
    员工 工人 工作人员 消防员 男人 女人 儿童 小孩 孩子 老人 司机 乘客 骑手 骑车人
    """.split()  # noqa: SIM905 - a list would take a page
)
"""Where one of these is a word of a class's name, the class is people."""

_PEOPLE_ALONE: Final = frozenset(
    """
    face head body staff police officer passenger driver baby 脸 人脸 面部 头 头部 人头 人体
    """.split()  # noqa: SIM905
)
"""These are where they are all of the name: there are staff gauges and passenger cars."""

_VEHICLES: Final = frozenset(
    """
    suv taxi cab pickup pickup_truck ambulance trailer trailer_truck minivan minibus coach sedan
    jeep scooter moped ebike bicycle bike tricycle three_wheeler rickshaw auto_rickshaw tanker
    semi_truck firetruck fire_truck fire_engine police_car emergency_vehicle motor_vehicle
    school_bus 车 机动车 非机动车 面包车 轿车 小汽车 小轿车 越野车 出租车 皮卡 皮卡车 救护车 消防车
    警车 拖车 挂车 公交 公交车 大巴 大客车 巴士 大货车 渣土车 工程车 电动车 电瓶车 三轮车 自行车
    单车 摩托
    """.split()  # noqa: SIM905
)
"""Beside the pack's and those of `models.labels`."""

_KINDS: Final = {
    "motorbike": "motorcycle", "motor": "motorcycle", "lorry": "truck", "汽车": "car",
    "轿车": "car", "小汽车": "car", "小轿车": "car", "sedan": "car", "客车": "bus", "公交车": "bus",
    "公交": "bus", "大巴": "bus", "大客车": "bus", "巴士": "bus", "卡车": "truck", "货车": "truck",
    "大货车": "truck", "摩托车": "motorcycle", "摩托": "motorcycle",
}  # fmt: skip
"""Other words for a kind of vehicle, if the pack has that."""

_HAZARDS: Final = {
    "flood": Hazard.WATER_OVER_LINE, "flooding": Hazard.WATER_OVER_LINE,
    "water": Hazard.WATER_OVER_LINE, "积水": Hazard.WATER_OVER_LINE,
    "landslide": Hazard.DEBRIS, "滑坡": Hazard.DEBRIS, "障碍物": Hazard.OBSTRUCTION,
    "逆行": Hazard.WRONG_WAY, "违停": Hazard.STOPPED_VEHICLE, "停车": Hazard.STOPPED_VEHICLE,
}  # fmt: skip
"""Beside a hazard's own name and the words of `models.labels`."""


def _forms(name: str) -> list[str]:
    """Return a name in lower case, without spaces, and what it may be the plural of."""
    word = re.sub(r"[\s_-]+", "_", name.strip().lower())
    forms = [word]
    forms += [word[: -len(end)] + new for end, new in _PLURALS if word.endswith(end)]
    return forms


_PLURALS: Final = (("s", ""), ("es", ""), ("ies", "y"))


def hazard_of(name: str) -> Hazard | None:
    """Return the hazard that a word means."""
    for form in _forms(name):
        known = KNOWN.get(form)
        if known and known.hazard:
            return known.hazard
        for hazard in Hazard:
            if form == hazard:
                return hazard
        if form in _HAZARDS:
            return _HAZARDS[form]
    return None


def meaning(name: str, labels: tuple[Label, ...]) -> int:
    """Return the pack's label of a class name, or ``PERSON``, ``VEHICLE`` or ``UNKNOWN``.

    People first: whatever a pack calls them, they get no precision and no recall.
    """
    forms = _forms(name)
    if _is_people(forms):
        return PERSON
    usable = [(k, one) for k, one in enumerate(labels) if one.role is not Role.MASK]
    for wanted in (name.strip().lower(), *forms, *(_KINDS.get(form) for form in forms)):
        for index, label in usable:
            if label.name.lower() == wanted:
                return index
    known = [KNOWN[form] for form in forms if form in KNOWN]
    if set(forms) & _VEHICLES or any(one.role is Role.VEHICLE for one in known):
        return VEHICLE
    hazard = next((one.hazard for one in known), None)
    return next((k for k, one in usable if hazard and one.hazard is hazard), UNKNOWN)


def _is_people(forms: list[str]) -> bool:
    """Say whether a name is of people; of Chinese words the whole, of English ones any."""
    words = {word for form in forms for word in re.split(r"[^a-z]+", form)} | set(forms)
    masks = any(form in KNOWN and KNOWN[form].role is Role.MASK for form in forms)
    return masks or bool(words & _PEOPLE) or bool(set(forms) & _PEOPLE_ALONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassList:
    """A set's classes."""

    names: tuple[str, ...]
    """By number."""
    origin: str
    """Where the list was found, for people."""
    meanings: tuple[int, ...]
    """By number: the pack's label, or ``PERSON``, ``VEHICLE``, ``UNKNOWN``."""

    def meant(self, numbers: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
        """Return what each number means; one beyond the list is ``UNKNOWN``."""
        table = np.array([*self.meanings, UNKNOWN], np.int64)
        found: Int64[np.ndarray, "n"] = table[np.minimum(numbers, len(self.meanings))]
        return found


def class_list(given: str | None, folder: Path, labels: tuple[Label, ...]) -> ClassList:
    """Return a set's class list. Raises ``EvaluationError`` if there is one that doesn't fit."""
    found = _given(given, labels) if given is not None else _found(folder, labels)
    found = found or of_pack(labels)
    if all(one == UNKNOWN for one in found.meanings):
        raise EvaluationError(
            f"{found.origin}: the class list does not fit: the pack knows none of "
            f"{', '.join(found.names)}; "
            f"it knows {', '.join(one.name for one in labels if one.role is not Role.MASK)}"
        )
    return found


def class_list_of_negatives(
    folder: Path, labels: tuple[Label, ...], of_set: ClassList, highest: int
) -> ClassList:
    """Return the list by which a hazard-free folder is labelled.

    Its own, which may name nothing that the pack knows; else the set's, if it reaches the
    ``highest`` number in use; else the pack's.
    """
    own = _found(folder, labels)
    if own is None and highest >= len(of_set.names):
        return of_pack(labels)
    return own or of_set


def of_pack(labels: tuple[Label, ...]) -> ClassList:
    """Return the pack's own labels as a list."""
    return _listed([one.name for one in labels], "the pack's own labels", labels)


def _listed(names: list[str], origin: str, labels: tuple[Label, ...]) -> ClassList:
    words = [name.strip().lower() for name in names]
    if not names or not all(words) or len(set(words)) < len(words):
        raise EvaluationError(
            f"{origin}: the class list {names} is empty or names a class twice: "
            "give --names with one name a class, in the order of their numbers"
        )
    meanings = tuple(meaning(name, labels) for name in names)
    return ClassList(names=tuple(names), origin=origin, meanings=meanings)


def _given(given: str, labels: tuple[Label, ...]) -> ClassList:
    path = Path(given)
    if "," not in given:
        if path.is_file():
            return _listed(_from_file(path), shown(path), labels)
        if path.suffix or "/" in given:
            raise EvaluationError(
                f"--names {shown(path)}: there is no such file: correct its path, or give the "
                "names themselves, such as --names fire,smoke"
            )
    return _listed([one.strip() for one in given.split(",")], "--names", labels)


def _found(folder: Path, labels: tuple[Label, ...]) -> ClassList | None:
    """Return the list that lies with a set, if there is one."""
    yaml = ("data.yaml", "data.yml", "dataset.yaml")
    places = [where / name for where in (folder, folder.parent) for name in yaml]
    plain = ("classes.txt", "obj.names")
    places += [where / name for where in (folder, folder / "labels") for name in plain]
    path = next((path for path in places if path.is_file()), None)
    return _listed(_from_file(path), shown(path), labels) if path else None


def _from_file(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(
            f"{shown(path)}: the class list can't be read ({type(error).__name__}): "
            "save it as UTF-8, or give --names fire,smoke,…"
        ) from error
    if path.suffix.lower() in {".yaml", ".yml"}:
        return _from_yaml(text, path)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _from_yaml(text: str, path: Path) -> list[str]:
    """Read ``names`` out of a data.yaml, in the four forms that tools write.

    A list or a mapping, in brackets or a line each. Whatever else is refused, never guessed.
    """
    lines = [re.sub(r"(^|\s)#.*$", "", line).rstrip() for line in text.splitlines()]
    starts = [k for k, line in enumerate(lines) if re.match(r"names\s*:", line)]
    if len(starts) != 1:
        raise _unread(path)
    first = lines[starts[0]].partition(":")[2].strip()
    rest = [line.strip() for line in (first, *lines[starts[0] + 1 :]) if line.strip()]
    if rest and rest[0][0] in "[{":
        found = _items(_inside(rest, path), path)
    else:
        block = list(takewhile(lambda one: re.match(r"-\s|['\"]?\d+['\"]?\s*:", one), rest))
        found = [item for line in block for item in _items(line, path)]
        if len(found) > len(block):
            raise _unread(path)
    names = _in_order(found, path)
    count = re.search(r"^nc\s*:\s*(\d+)\s*(#.*)?$", text, re.MULTILINE)
    if count and int(count[1]) != len(names):
        raise EvaluationError(
            f"{shown(path)}: nc is {count[1]}, names has {len(names)}: correct one of them"
        )
    return names


def _inside(lines: list[str], path: Path) -> str:
    """Return what stands in brackets, over as many lines as it takes."""
    ends = "]" if lines[0][0] == "[" else "}"
    last = next((k for k, line in enumerate(lines) if line.endswith(ends)), None)
    if last is None:
        raise _unread(path)
    return " ".join(lines[: last + 1])[1:-1].strip()


def _items(text: str, path: Path) -> list[tuple[str | None, str]]:
    """Return each item's number, if it has one, and name."""
    found, at = [], 0
    while at < len(text):
        item = _ITEM.match(text, at)
        if item is None:
            raise _unread(path)
        name = item["raw"] or item["bare"] or ""
        if item["quoted"]:
            try:
                name = str(json.loads(item["quoted"]))
            except ValueError:
                raise _unread(path) from None
        found.append((item["number"], name.strip()))
        at = item.end()
    return found


def _in_order(items: list[tuple[str | None, str]], path: Path) -> list[str]:
    if all(number is None for number, _ in items):
        if not items:
            raise _unread(path)
        return [name for _, name in items]
    named = {int(number): name for number, name in items if number is not None}
    if sorted(named) != list(range(len(items))):
        raise _unread(path)
    return [named[number] for number in range(len(items))]


def _unread(path: Path) -> EvaluationError:
    return EvaluationError(
        f"{shown(path)}: `names` can't be read: write `names: [fire, smoke]`, or give "
        "--names fire,smoke,… in the order of the class numbers"
    )
