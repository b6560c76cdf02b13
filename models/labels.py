"""What a label's name says: the role that well-known names have, and names that no pack may use.

Only obvious names are known. Whoever wants to hide what a class is can call it anything; what
holds then is the drop test.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from models.refused_words import PARTS, PATTERNS, SYLLABLES, THINGS, WHOLE
from vision.hazards import DETECTABLE, Hazard
from vision.roles import Role

HAZARDS: Final = {
    Hazard.FIRE: "fire flame flames 火 火焰 明火 火灾 火災",
    Hazard.SMOKE: "smoke 烟 烟雾 浓烟 煙 煙霧 濃煙",
    Hazard.DEBRIS: "rock rocks boulder debris rockfall 落石 岩石",
}
VEHICLES: Final = (
    "vehicle car bus truck van lorry motorcycle motorbike tractor 车辆 汽车 客车 卡车 货车 摩托车 "
    "車輛 汽車 客車 卡車 貨車 摩托車"
)
"""No bicycle: what stands on the road as one is mostly somebody who rides it."""
PEOPLE: Final = (
    "person persons people pedestrian pedestrians human humans rider riders cyclist crowd worker "
    "workers 人 行人 人员 人員 人群 工人 司机 司機 乘客"
)

IS_PEOPLE: Final = re.compile(
    "person|people|human|pedestrian|pedestre|pedone|peaton|pieton|pessoa|cyclist|worker|"
    "(?<!screw)driver(?!less)|passenger(?![ _-]?(?:car|vehicle|train|bus))|"
    "(?:fire|police|work)m[ae]n|fussganger|mensch|fahrer|arbeiter|nguoi|человек|люди|пешеход|"
    "водител|рабоч|사람|보행자|行人|步行者|司机|司機|驾驶员|駕駛員|乘客|旅客|员工|員工|警察|保安|群众|"
    "群眾|游客|遊客|学生|學生|骑手|騎手|村民|居民|歩行者|人|"
    "(?:^|[^a-z])(?:riders?|bystanders?|xing[ _-]?ren|ren[ _-]?yuan|"
    "ren[ _-]?ti|gong[ _-]?ren|ren|si[ _-]?ji)(?:[^a-z]|$)"
)
"""Names for people as such: their only role is ``mask``."""

NO_PEOPLE: Final = re.compile("无人|無人|机器人|機器人|人行道|人孔|人工|人造")
"""Chinese words with 人 that are things."""

_THINGS: Final = re.compile(THINGS)
_JOINED: Final = re.compile("(?<=[a-z])(?=[A-Z])")
_ALPHABETS: Final = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "GEORGIAN", "COPTIC")
"""Alphabets whose letters look like one another's. Chinese stands beside any without a space."""


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

    code = "label"


def known(name: str) -> Meaning | None:
    """Return what a name means without saying, if it does."""
    return KNOWN.get(_plain(name))


def _plain(name: str) -> str:
    """Return a name in one spelling: width, case, accents and joined words make no difference."""
    apart = _JOINED.sub(" ", unicodedata.normalize("NFKC", name))
    bare = [one for one in unicodedata.normalize("NFKD", apart) if not unicodedata.combining(one)]
    return unicodedata.normalize("NFKC", "".join(bare).casefold()).strip()


def _about_people() -> re.Pattern[str]:
    """Return the one pattern of all refused words, each in the spelling that names are put in."""
    several = ["[ _-]?".join(_plain(one).split(" ")) for one in SYLLABLES.split("|")]
    whole = "|".join((*map(_plain, WHOLE.split()), *several))
    parts = "|".join((*PATTERNS, *(re.escape(_plain(one)) for one in PARTS.split())))
    return re.compile(f"{parts}|(?:^|[^a-z])(?:{whole})(?:[^a-z]|$)")


ABOUT_PEOPLE: Final = _about_people()
"""Who people are, what they wear, carry or do, and plates: refused in any role."""


def _refuse_disguise(name: str) -> None:
    if not name.isprintable() or any(unicodedata.category(one) == "Cf" for one in name):
        raise LabelError(f"label {name!r} has signs that nobody sees: write it without")
    for word in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", name)):
        scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word}
        if len(scripts & set(_ALPHABETS)) > 1:
            raise LabelError(
                f"label {name!r}: {word!r} mixes letters of several alphabets: write it in one"
            )


def refuse_name(name: str, role: Role) -> None:
    """Raise ``LabelError`` for a name obviously about people, unless it is to cover them."""
    _refuse_disguise(name)
    word = _plain(name)
    if ABOUT_PEOPLE.search(_THINGS.sub(" ", word)):
        raise LabelError(
            f"label {name!r} is about who people are, what they wear or do, or a plate: it has no "
            "role (there are hazard, vehicle and mask, and no other): this product watches places; "
            "train the network without it"
        )
    if role is not Role.MASK and IS_PEOPLE.search(NO_PEOPLE.sub("", word)):
        raise LabelError(f"label {name!r} is people: its only role is `mask`, not `{role}`")


def meaning(text: str) -> tuple[str, Meaning]:
    """Return a label's name and meaning from ``name``, ``name=role`` or ``name=hazard:which``.

    Raises ``LabelError``.
    """
    name, said, role = (part.strip() for part in text.partition("="))
    if not said:
        refuse_name(name, Role.MASK)
        found = known(name)
        if found is None:
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
