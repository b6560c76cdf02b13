"""Places by code, name, or a path of names."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from service.imports.values import LONGEST_SAID
from service.places.codes import FULL_WIDTH, level_of, short_form
from service.refusals import Refusal, RefusedError

_BETWEEN: Final = re.compile(r"[\s/\\>＞／、,，|·.→-]+")

_PROVINCES: Final = {
    "北京市": "11", "天津市": "12", "河北省": "13", "山西省": "14", "内蒙古自治区": "15",
    "辽宁省": "21", "吉林省": "22", "黑龙江省": "23", "上海市": "31", "江苏省": "32",
    "浙江省": "33", "安徽省": "34", "福建省": "35", "江西省": "36", "山东省": "37",
    "河南省": "41", "湖北省": "42", "湖南省": "43", "广东省": "44", "广西壮族自治区": "45",
    "海南省": "46", "重庆市": "50", "四川省": "51", "贵州省": "52", "云南省": "53",
    "西藏自治区": "54", "陕西省": "61", "甘肃省": "62", "青海省": "63", "宁夏回族自治区": "64",
    "新疆维吾尔自治区": "65", "台湾省": "71", "香港特别行政区": "81", "澳门特别行政区": "82",
}  # fmt: skip
"""Names that paths begin with; the tree begins with cities."""

_SHORT: Final = re.compile(r"(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)$")
_BEGINNINGS: Final = _PROVINCES | {_SHORT.sub("", name): at for name, at in _PROVINCES.items()}
_GROUP: Final = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
"""What lists put between a city and its districts, and the tree leaves out."""


class PlaceNames:
    """Finds the one place that a cell means, among those given."""

    def __init__(
        self,
        places: Iterable[tuple[str, str | None, str]],
        above: Iterable[tuple[str, str | None, str]] = (),
    ) -> None:
        """Take ``(code, parent_code, name)`` of each, in any order.

        What is ``above`` isn't found itself: full names go through it.
        """
        self._above: dict[str, tuple[str | None, str]] = {
            code: (parent_code, _plain(name)) for code, parent_code, name in above
        }
        self._named: dict[str, list[str]] = defaultdict(list)
        self._codes: set[str] = set()
        for code, parent_code, name in places:
            plain = _plain(name)
            self._above[code] = (parent_code, plain)
            self._named[plain].append(code)
            self._codes.add(code)

    def code(self, said: str) -> str:
        """Return the code. Raises ``RefusedError``."""
        digits = place_code_in(said)
        if digits is not None:
            if digits in self._codes:
                return digits
            level_of(digits)
            raise unknown(said)
        found = self._meant(_plain(said))
        if not found:
            raise unknown(said)
        if len(found) > 1:
            one, other = found[:2]
            raise RefusedError(
                Refusal.PLACE_AMBIGUOUS,
                f"{said[:LONGEST_SAID]} may be {one} or {other}: give the code or the full name",
                said=said[:LONGEST_SAID],
                one=one,
                other=other,
            )
        return found[0]

    def _meant(self, path: str) -> list[str]:
        """Return the places whose name a path ends with, and whose ancestors it goes through."""
        return [
            code
            for start in range(len(path))
            for code in self._named.get(path[start:], ())
            if self._goes_through(path[:start], code)
        ]

    def _goes_through(self, path: str, code: str) -> bool:
        if not path:
            return True
        if _BEGINNINGS.get(path) == code[:2]:
            return True
        for group in _GROUP:
            if path.endswith(group) and self._goes_through(path.removesuffix(group), code):
                return True
        above = self._above[code][0]
        while above is not None and above in self._above:
            above_that, name = self._above[above]
            if path.endswith(name) and self._goes_through(path.removesuffix(name), above):
                return True
            above = above_that
        return False


def place_code_in(said: str) -> str | None:
    """Return the code, in its short form, if digits are said and no name."""
    text = said.translate(FULL_WIDTH).strip()
    return short_form(text) if text.isascii() and text.isdigit() else None


def unknown(said: str) -> RefusedError:
    """Return why a place can't be taken; the same for one that isn't and one of others."""
    return RefusedError(
        Refusal.PLACE_UNKNOWN,
        f"there is no {said[:LONGEST_SAID]} among your places: give its code or its full name",
        said=said[:LONGEST_SAID],
    )


def _plain(name: str) -> str:
    return _BETWEEN.sub("", name)[:256]
