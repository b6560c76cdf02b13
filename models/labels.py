"""What a label's name says: the role that well-known names have, and names that no pack may use."""

import re
from dataclasses import dataclass
from typing import Final

from vision.hazards import DETECTABLE, Hazard
from vision.roles import Role

HAZARDS: Final = {
    Hazard.FIRE: "fire flame flames 火 火焰 明火 火灾",
    Hazard.SMOKE: "smoke 烟 烟雾 浓烟",
    Hazard.DEBRIS: "rock rocks boulder debris rockfall 落石 岩石",
}
VEHICLES: Final = (
    "vehicle car bus truck van lorry motorcycle motorbike tractor 车辆 汽车 客车 卡车 货车 摩托车"
)
"""No bicycle: what stands on the road as one is mostly somebody who rides it."""
PEOPLE: Final = (
    "person persons people pedestrian pedestrians human rider cyclist crowd 人 行人 人员 人群"
)

ABOUT_PEOPLE: Final = re.compile(
    r"helmet|hardhat|facial|licen[cs]eplate|numberplate|hijab|loiter|gender|skeleton|keypoint|"
    r"(?:^|[^a-z])(?:face|faces|head|heads|plate|plates|lpr|anpr|male|female|man|men|woman|women|"
    r"child|children|kid|kids|baby|age|elderly|emotion|pose|posture|gait|uniform|vest|clothes|"
    r"clothing|race|identity|fight|fighting|violence|smoking|sleeping|drinking|phone|weapon|gun|"
    r"knife|intruder|trespasser|suspect|protest|gathering|banner)(?:[^a-z]|$)|"
    r"人脸|面部|头部|车牌|号牌|头盔|安全帽|口罩|性别|男|女|儿童|老人|表情|姿态|步态|制服|打架|斗殴|"
    r"徘徊|聚集|抽烟|吸烟|睡岗|手机|持刀|横幅"
)
"""Who people are, what they wear, carry or do, and plates: refused in any role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a label may become."""

    role: Role
    """One of three."""
    hazard: Hazard | None
    """For the role ``hazard`` alone."""


KNOWN: Final = {
    **{
        word: Meaning(role=Role.HAZARD, hazard=hazard)
        for hazard, words in HAZARDS.items()
        for word in words.split()
    },
    **{word: Meaning(role=Role.VEHICLE, hazard=None) for word in VEHICLES.split()},
    **{word: Meaning(role=Role.MASK, hazard=None) for word in PEOPLE.split()},
}
"""The one table of names whose role goes without saying."""


class LabelError(ValueError):
    """A label that no pack may have, or whose role isn't said. The text says what to do."""


def refuse_name(name: str, role: Role) -> None:
    """Raise ``LabelError`` for a name that says something of people, unless it is to cover them."""
    word = name.strip().lower()
    if ABOUT_PEOPLE.search(word):
        raise LabelError(
            f"label {name!r} is about who people are, what they wear or do, or a plate: it has no "
            "role (there are hazard, vehicle and mask, and no other): this product watches places; "
            "train the network without it"
        )
    known = KNOWN.get(word)
    words = set(re.split(r"[^a-z]+", word))
    is_person = (known and known.role is Role.MASK) or words & set(PEOPLE.split())
    if is_person and role is not Role.MASK:
        raise LabelError(f"label {name!r} is people: its only role is `mask`, not `{role}`")


def meaning(text: str) -> tuple[str, Meaning]:
    """Return a label's name and meaning from ``name``, ``name=role`` or ``name=hazard:which``.

    Raises ``LabelError``.
    """
    name, said, role = (part.strip() for part in text.partition("="))
    if not said:
        found = KNOWN.get(name.lower())
        if found is None:
            refuse_name(name, Role.MASK)
            raise LabelError(
                f"label {name!r}: say what it may become: {name}=hazard:fire (or smoke, debris), "
                f"{name}=vehicle or {name}=mask; a class that is none of these can't be in a pack"
            )
        return name, found
    given = _role(name, role)
    refuse_name(name, given.role)
    return name, given


def _role(name: str, text: str) -> Meaning:
    role, _, hazard = text.partition(":")
    if role == Role.HAZARD and hazard in DETECTABLE:
        return Meaning(role=Role.HAZARD, hazard=Hazard(hazard))
    if role in {Role.VEHICLE, Role.MASK} and not hazard:
        return Meaning(role=Role(role), hazard=None)
    raise LabelError(
        f"label {name!r}: {text!r} is no role: there are "
        f"{', '.join(f'hazard:{one}' for one in sorted(DETECTABLE))}, vehicle and mask"
    )
