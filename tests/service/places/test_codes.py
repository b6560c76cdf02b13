import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.places.codes import (
    Level,
    PlaceCodeError,
    ancestors,
    level_of,
    lies_within,
    require_level,
    without_padding,
)


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("0", Level.INSTALLATION),
        ("330100", Level.CITY),
        ("110000", Level.CITY),
        ("441900", Level.CITY),
        ("330106", Level.COUNTY),
        ("429004", Level.COUNTY),
        ("110101", Level.COUNTY),
        ("330106002", Level.TOWNSHIP),
        ("441900003", Level.TOWNSHIP),
        ("330106002001", Level.VILLAGE),
        ("33010600200101", Level.CELL),
        ("330106002001010203", Level.CELL),
    ],
)
def test_a_code_says_its_level(code: str, level: Level) -> None:
    assert level_of(code) is level
    require_level(code, level)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", "digits 0 to 9"),
        ("33010x", "digits 0 to 9"),
        ("３３０１０６", "digits 0 to 9"),
        ("330106 ", "digits 0 to 9"),
        ("33010", "has 5 digits"),
        ("3301060020", "has 10 digits"),
        ("3301060020010", "has 13 digits"),
        ("3301060020010102030", "has 19 digits"),
        ("990106", "no province"),
        ("330000", "is a province"),
        ("330006", "lies in no city"),
        ("110100", "only groups districts"),
        ("330106000", "is written 330106 here"),
        ("330106002000", "is written 330106002 here"),
    ],
)
def test_what_is_no_code_says_why(code: str, said: str) -> None:
    with pytest.raises(PlaceCodeError, match=said):
        level_of(code)


def test_a_level_that_the_code_does_not_say() -> None:
    with pytest.raises(PlaceCodeError, match="code of a county, not of a township"):
        require_level("330106", Level.TOWNSHIP)


@pytest.mark.parametrize(
    ("code", "parent", "within"),
    [
        ("330106", "330100", True),
        ("330106", "0", True),
        ("330106002", "330106", True),
        ("330106002", "330100", True),
        ("441900003", "441900", True),
        ("110101", "110000", True),
        ("33010600200101", "330106002001", True),
        ("330206", "330100", False),
        ("330106002", "330109", False),
        ("330100", "330106", False),
        ("330106", "330106", False),
        ("33010600200101", "330106002002", False),
        ("0", "0", False),
    ],
)
def test_a_code_begins_with_its_parents(code: str, parent: str, *, within: bool) -> None:
    assert lies_within(code, parent) is within


def test_ancestors_nearest_first() -> None:
    assert ancestors("33010600200101") == [
        "330106002001",
        "330106002",
        "330106",
        "330100",
        "0",
    ]
    assert ancestors("110101") == ["110000", "0"]
    assert ancestors("441900003") == ["441900", "0"]


@pytest.mark.parametrize(
    ("code", "short"),
    [
        ("330106000000", "330106"),
        ("330106002000", "330106002"),
        ("330100000000", "330100"),
        ("330106002001", "330106002001"),
        ("330106", "330106"),
        ("x00000000000", "x00000000000"),
    ],
)
def test_lists_fill_codes_up_with_zeros(code: str, short: str) -> None:
    assert without_padding(code) == short


@given(st.text(max_size=20))
def test_any_text_has_a_level_or_is_refused(text: str) -> None:
    try:
        level = level_of(text)
    except PlaceCodeError:
        return
    assert all(lies_within(text, above) for above in ancestors(text))
    assert level in set(Level)
