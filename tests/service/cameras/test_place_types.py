"""Places that no camera of this product watches, whoever asks."""

import httpx
import pytest

from tests.service.cameras.kit import described, match, registered, townships
from tests.service.helpers import Parts

RULED_OUT = (
    "home",
    "rented_room",
    "hotel_room",
    "dormitory",
    "toilet",
    "changing_room",
    "ward",
    "place_of_worship",
    "place_of_petition",
)
"""The design's list, written down again: a shorter one in the code must show."""

STATED = ("place_type", "purpose", "legal_basis", "owner", "sign_confirmed")


@pytest.mark.parametrize("place_type", RULED_OUT)
def test_a_place_that_the_design_rules_out_is_refused(
    refusing: httpx.Client, place_type: str
) -> None:
    answer = refusing.post("/api/cameras", json=described(place_type=place_type))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "place_type"
    assert "no setting allows it" in error["message"]


def test_no_camera_becomes_one_of_them_later_not_by_an_administrator_either(given: Parts) -> None:
    with townships(given) as (own, _, admin):
        made = registered(own)
        path = f"/api/cameras/{made['camera_id']}"
        for client in (own, admin):
            for place_type in RULED_OUT:
                answer = client.patch(path, json={"place_type": place_type}, headers=match(made))
                assert answer.status_code == 422, place_type
        assert own.get(path).json()["place_type"] == "road"


@pytest.mark.parametrize("field", STATED)
def test_a_camera_that_does_not_state_its_case_is_not_registered(
    refusing: httpx.Client, field: str
) -> None:
    silent = described()
    del silent[field]
    answer = refusing.post("/api/cameras", json=silent)
    assert answer.status_code == 422
    assert field in {one["field"] for one in answer.json()["errors"]}
