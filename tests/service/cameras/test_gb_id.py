import pytest

from service.cameras.gb_id import OTHER_TYPES, GbIdError, camera_gb_id, civil_code_fits

GOOD = "33010600001320000001"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "33010600001310000001",
        f" {GOOD}\n",
        "33010600 00 132 0 000001",
        "３３０１０６００００１３２００００００１",
        f"\ufeff{GOOD}",
        "3301 0600\u30000013 2000 0001",
    ],
)
def test_what_is_pasted_becomes_twenty_digits(text: str) -> None:
    found = camera_gb_id(text)
    assert len(found) == 20
    assert found.isascii()
    assert found.isdigit()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "consists of 20 digits"),
        (GOOD[:-1], "has 19"),
        (GOOD + "0", "has 21"),
        ("3.30106E+19", "rounded by a spreadsheet"),
        ("3301060000132000000x", "nothing else"),
        ("٣٣٠١٠٦٠٠٠٠١٣٢٠٠٠٠٠٠١", "nothing else"),
        ("00010600001320000001", "no province"),
        ("16010600001320000001", "no province"),
        ("9" * 10_000, "nothing else"),
        ("33010600001120000001", "video server"),
        ("33010600009990000001", "that is no camera"),
    ],
)
def test_what_is_no_cameras_says_why(text: str, said: str) -> None:
    with pytest.raises(GbIdError, match=said):
        camera_gb_id(text)


@pytest.mark.parametrize("kind", sorted(OTHER_TYPES))
def test_every_other_type_is_named(kind: str) -> None:
    with pytest.raises(GbIdError, match=kind) as refused:
        camera_gb_id(f"3301060000{kind}0000001")
    assert OTHER_TYPES[kind] in str(refused.value)


@pytest.mark.parametrize(
    ("gb_id", "place_code", "fits"),
    [
        (GOOD, "330106002", True),
        (GOOD, "330106", True),
        (GOOD, "330100", True),
        (GOOD, "0", True),
        (GOOD, "330109", False),
        (GOOD, "330200", False),
        ("33010000001320000001", "330106002", True),
        ("33000000001320000001", "330106002", True),
        ("44190000001320000001", "441900003", True),
        ("11010100001320000001", "110000", False),
    ],
)
def test_the_civil_code_is_compared_as_far_as_both_speak(
    gb_id: str, place_code: str, *, fits: bool
) -> None:
    assert civil_code_fits(gb_id, place_code) is fits
