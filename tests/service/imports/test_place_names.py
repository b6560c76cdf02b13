"""Places that cells name: by code, by name, by full names that go through places above."""

import pytest

from service.imports.place_names import PlaceNames
from service.refusals import Refusal, RefusedError
from tests.service.imports.test_checking import PLACES


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("330106", "330106"),
        ("330106000000", "330106"),
        ("３３０１０６", "330106"),
        ("浙江省/杭州市/西湖区", "330106"),
        ("浙江省杭州市西湖区", "330106"),
        ("浙江 > 杭州市 > 市辖区 > 西湖区", "330106"),
        ("江西省西湖区", "360103"),
        ("北山街道", "330106002"),
        ("杭州市\\北山街道", "330106002"),
        ("北京市/市辖区/朝阳区", "110105"),
        ("全部", "0"),
    ],
)
def test_a_place_is_found_by_code_name_or_path(said: str, code: str) -> None:
    assert PLACES.code(said) == code


@pytest.mark.parametrize(
    "said", ["江苏省/杭州市/西湖区", "杭州市/朝阳区", "湖区", "-", "市辖区" * 60]
)
def test_a_path_that_leads_elsewhere_is_refused(said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        PLACES.code(said)
    assert caught.value.code is Refusal.PLACE_UNKNOWN


PART = PlaceNames(
    [("330106", "330100", "西湖区"), ("330106005", "330106", "西溪街道")],
    [("0", None, "全部"), ("330100", "0", "杭州市"), ("330106", "330100", "西湖区")],
)
"""What an account of one district has."""


@pytest.mark.parametrize(
    "said",
    ["杭州市/西湖区/西溪街道", "浙江省杭州市西湖区西溪街道", "西湖区/西溪街道", "杭州市西溪街道"],
)
def test_a_full_name_goes_through_places_above_one_s_own(said: str) -> None:
    assert PART.code(said) == "330106005"


@pytest.mark.parametrize("said", ["杭州市", "330100", "宁波市/西湖区/西溪街道", "全部"])
def test_places_above_one_s_own_are_not_one_s_own(said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        PART.code(said)
    assert caught.value.code is Refusal.PLACE_UNKNOWN
