"""Codes of places, after GB/T 2260 and the 12-digit codes of the statistical divisions.

| level        | digits   | example        |
|--------------|----------|----------------|
| installation | 1        | 0              |
| city         | 6        | 330100         |
| county       | 6        | 330106         |
| township     | 9        | 330106002      |
| village      | 12       | 330106002001   |
| cell         | 14 to 18 | 33010600200101 |

A place's code begins with what its parent's code says. Levels may be left out: Dongguan (441900)
has townships (441900003) and no county.
"""

from enum import StrEnum
from typing import Final

from service.refusals import Refusal, RefusedError

ROOT_CODE: Final = "0"
"""The whole installation, above every city."""

PROVINCES: Final = frozenset(
    number
    for first, last in (
        (11, 15),
        (21, 23),
        (31, 37),
        (41, 46),
        (50, 54),
        (61, 65),
        (71, 71),
        (81, 82),
    )
    for number in range(first, last + 1)
)
"""The first two digits of every code, GB/T 2260."""

MUNICIPALITIES: Final = frozenset({"11", "12", "31", "50"})
"""Where districts hang right under the first two digits: 110000 is a city, 330000 isn't."""


class Level(StrEnum):
    """How far down the tree a place stands, from the top."""

    INSTALLATION = "installation"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"
    CELL = "cell"


ORDER: Final = tuple(Level)

FULL_WIDTH: Final = str.maketrans("０１２３４５６７８９", "0123456789")
"""Digits as Chinese spreadsheets have them, to plain ones."""


class PlaceCodeError(RefusedError):
    """The code is not a place's. The text says what to do."""


def level_of(code: str) -> Level:
    """Return the level that a code says. Raises ``PlaceCodeError``."""
    if code == ROOT_CODE:
        return Level.INSTALLATION
    _require_digits(code)
    if len(code) == 6:
        return _city_or_county(code)
    if len(code) in {9, 12}:
        if code.endswith("000"):
            short = without_padding(code)
            raise PlaceCodeError(
                Refusal.PLACE_CODE_PADDED, f"{code} is written {short} here", code=code, short=short
            )
        return Level.TOWNSHIP if len(code) == 9 else Level.VILLAGE
    if 14 <= len(code) <= 18:
        return Level.CELL
    raise PlaceCodeError(
        Refusal.PLACE_CODE_LENGTH,
        f"{code} has {len(code)} digits: a city or county has 6, a township 9, a village 12, "
        "a grid cell 14 to 18",
        code=code,
        digits=len(code),
    )


def require_level(code: str, level: Level) -> None:
    """Raise ``PlaceCodeError`` unless the code is one of that level."""
    found = level_of(code)
    if found is not level:
        raise PlaceCodeError(
            Refusal.PLACE_CODE_LEVEL,
            f"{code} is the code of a {found}, not of a {level}",
            code=code,
            level=found.value,
            wanted_level=level.value,
        )


def stem(code: str) -> str:
    """Return what the codes of all places inside begin with: 3301 for the city 330100."""
    if code == ROOT_CODE:
        return ""
    if len(code) != 6:
        return code
    return code.removesuffix("00").removesuffix("00")


def lies_within(code: str, parent: str) -> bool:
    """Tell whether a code may hang under a parent: it goes on from it, at a lower level.

    Raises ``PlaceCodeError`` for codes that are none.
    """
    lower = ORDER.index(level_of(code)) > ORDER.index(level_of(parent))
    return lower and code.startswith(stem(parent))


def ancestors(code: str) -> list[str]:
    """Return the codes under which a code could hang, nearest first, the root last."""
    above = [code[:12], code[:9], code[:6], f"{code[:4]}00", f"{code[:2]}0000", ROOT_CODE]
    found: list[str] = []
    for one in above:
        if one not in found and one != code and _may_be_above(code, one):
            found.append(one)
    return found


def without_padding(code: str) -> str:
    """Return the short form of a code that a list has filled up with zeros to 9 or 12 digits."""
    if not code.isascii() or not code.isdigit() or len(code) not in {9, 12}:
        return code
    while len(code) > 6 and code.endswith("000"):
        code = code[:-3]
    return code


def short_form(text: str) -> str:
    """Return the code that digits in a list say: plain, without padding, the root for zeros."""
    code = without_padding(text.translate(FULL_WIDTH))
    return ROOT_CODE if code and not code.strip("0") else code


def _may_be_above(code: str, above: str) -> bool:
    try:
        return lies_within(code, above)
    except PlaceCodeError:
        return False


def _require_digits(code: str) -> None:
    if not (code.isascii() and code.isdigit()):
        raise PlaceCodeError(
            Refusal.PLACE_CODE_DIGITS, "a place's code consists of digits 0 to 9, without blanks"
        )
    if len(code) >= 2 and int(code[:2]) not in PROVINCES:
        raise PlaceCodeError(
            Refusal.PLACE_CODE_PROVINCE,
            f"{code} begins with {code[:2]}, which is no province of GB/T 2260",
            code=code,
            begins=code[:2],
        )


def _city_or_county(code: str) -> Level:
    if not code.endswith("00"):
        if code[2:4] == "00":
            raise PlaceCodeError(
                Refusal.PLACE_CODE_NO_CITY,
                f"{code} lies in no city: its digits 3 and 4 are 00",
                code=code,
            )
        return Level.COUNTY
    if code[:2] in MUNICIPALITIES and code[2:] != "0000":
        raise PlaceCodeError(
            Refusal.PLACE_CODE_GROUPS,
            f"{code} only groups districts: leave it out, they hang under {code[:2]}0000",
            code=code,
            city=f"{code[:2]}0000",
        )
    if code.endswith("0000") and code[:2] not in MUNICIPALITIES:
        raise PlaceCodeError(
            Refusal.PLACE_CODE_IS_PROVINCE,
            f"{code} is a province: the tree begins with cities, such as 330100",
            code=code,
        )
    return Level.CITY
