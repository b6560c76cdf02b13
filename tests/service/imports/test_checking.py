"""Rows checked as the console's forms are: what is taken, refused, changed, and kept secret."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.messages import USUAL_HAZARDS
from service.cameras.logins import Login
from service.cameras.models import CameraPatch, NewCamera
from service.cameras.place_types import REFUSED, PlaceType
from service.imports.checking import Checked
from service.imports.errors import DefaultRefusedError
from service.imports.known import Defaults, Present
from service.imports.place_names import PlaceNames
from service.imports.reading import read
from service.imports.reasons import RowVerdict
from service.imports.values import place_type_of
from service.imports.words import REFUSALS, Language, said_of
from tests.service.imports.files import (
    GOOD,
    TITLES,
    checked,
    codes,
    csv_of,
    csv_rows,
    gb_id,
    row,
    table,
)

PLACES = PlaceNames(
    [
        ("0", None, "全部"),
        ("330100", "0", "杭州市"),
        ("330106", "330100", "西湖区"),
        ("330106002", "330106", "北山街道"),
        ("360100", "0", "南昌市"),
        ("360103", "360100", "西湖区"),
        ("110000", "0", "北京市"),
        ("110105", "110000", "朝阳区"),
    ]
)

STORED: dict[str, Any] = {
    "gb_id": gb_id(1), "name": GOOD["名称"], "programme": "xueliang", "place_type": "intersection",
    "purpose": "火情监测", "legal_basis": "消防法", "owner": "西湖区应急管理局",
    "contact_number": "0571-88888888", "upstream": None, "place_code": "330106", "enabled": True,
    "longitude": 120.1551, "latitude": 30.2741, "coordinate_system": "gcj02",
    "main_url": GOOD["主码流"], "sub_url": "rtsp://192.0.2.1/sub",
    "hazards": sorted(USUAL_HAZARDS), "zones": [], "water": None,
}  # fmt: skip


class Registry:
    """Some cameras, and the places above."""

    def __init__(self, *rows: Mapping[str, Any], bound: Sequence[str] | None = None) -> None:
        hosts = None if bound is None else frozenset(bound)
        self._cameras = {
            one["gb_id"]: Present(camera_id="a-camera", columns=one, login_hosts=hosts)
            for one in rows
        }

    def place_code(self, said: str) -> str:
        return PLACES.code(said)

    def camera(self, gb_id: str) -> Present | None:
        return self._cameras.get(gb_id)

    def has_login(self, camera_id: str, hosts: Sequence[str], login: Login) -> bool:
        return login.password.reveal() == "the same" and set(hosts) == {"192.0.2.1:554"}

    def carried(self, gb_id: str, hosts: Sequence[str], present: Present | None) -> None:
        return None


def one_of(
    *, known: Registry | None = None, defaults: Defaults | None = None, **cells: str
) -> Checked:
    [found] = checked(csv_rows(row(**cells)), defaults, known or Registry())
    return found


def test_a_good_row_is_the_camera_that_the_console_would_send() -> None:
    found = one_of(险情="明火、烟雾", 启用="是", 上级平台="市平台", 子码流="rtsp://192.0.2.1/sub")
    assert found.new is not None
    assert found.wanted is not None
    assert NewCamera.model_validate(found.wanted) == found.new
    assert found.wanted == {
        "gb_id": gb_id(1), "name": GOOD["名称"], "programme": "xueliang",
        "place_type": "intersection", "purpose": "火情监测", "legal_basis": "消防法",
        "owner": "西湖区应急管理局", "sign_confirmed": True, "contact_number": "0571-88888888",
        "upstream": "市平台", "place_code": "330106", "hazards": ["fire", "smoke"],
        "position": {"longitude": 120.1551, "latitude": 30.2741, "coordinate_system": "gcj02"},
        "main_url": GOOD["主码流"], "sub_url": "rtsp://192.0.2.1/sub", "enabled": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "cell", "field", "code"),
    [
        ("国标编号", "", "gb_id", "gb_id_absent"),
        ("国标编号", "3.30106E+19", "gb_id", "gb_id_rounded"),
        ("国标编号", "33010600001180000001", "gb_id", "gb_id_other_device"),
        ("名称", "", "name", "required"),
        ("名称", "路" * 129, "name", "cell_long"),
        ("名称", "a\u202eb", "name", "hostile_text"),
        ("名称", "路" * 5000, "name", "cell_long"),
        ("项目", "平安", "programme", "cell_choice"),
        ("场所类型", "学生宿舍", "place_type", "place_type_refused"),
        ("场所类型", "月球", "place_type", "place_type_unknown"),
        ("场所类型", "", "place_type", "required"),
        ("告示牌确认", "否", "sign_confirmed", "sign_unconfirmed"),
        ("告示牌确认", "", "sign_confirmed", "required"),
        ("告示牌确认", "大概", "sign_confirmed", "cell_choice"),
        ("联系电话", "8796", "contact_number", "contact_number"),
        ("联系电话", "0571-8512", "contact_number", "contact_number"),
        ("联系电话", "1" * 40, "contact_number", "cell_long"),
        ("经度", "30.2", "longitude", "position_outside"),
        ("经度", "120,15", "longitude", "row_cells"),
        ("经度", "东边", "longitude", "position_numbers"),
        ("经度", "nan", "longitude", "position_numbers"),
        ("经度", "0", "longitude", "position_unknown"),
        ("坐标系", "北京54", "coordinate_system", "cell_choice"),
        ("行政区划", "330199", "place_code", "place_unknown"),
        ("行政区划", "3301", "place_code", "place_code_length"),
        ("行政区划", "西湖区", "place_code", "place_ambiguous"),
        ("主码流", "http://192.0.2.1:80/x", "main_url", "address_scheme"),
        ("主码流", "rtsp://192.0.2.1/user=a&password=b", "main_url", "address_login"),
        ("子码流", "rtsp://:x@192.0.2.1/", "sub_url", "address_user"),
        ("主码流", "file:///etc/passwd", "main_url", "address_scheme"),
        ("主码流", "rtsp://167772161/a", "main_url", "address_numbers"),
        ("主码流", "rtsp://192.0.2.1/a b", "main_url", "address_blank"),
        ("险情", "人脸", "hazards", "cell_choice"),
        ("险情", "异常停车", "hazards", "needs_road"),
        ("启用", "也许", "enabled", "cell_choice"),
        ("密码", "x", "user", "login_user"),
        ("用户名", 'a"b', None, "credentials_refused"),
        ("用户名", "a" * 300, "user", "credentials_refused"),
    ],
)
def test_what_is_wrong_with_a_cell_is_said_with_its_column(
    column: str, cell: str, field: str | None, code: str
) -> None:
    found = one_of(**{column: cell})
    if code == "row_cells":
        assert (None, "row_cells") in codes(found)
    else:
        assert codes(found) == {(field, code)}
    assert found.verdict is RowVerdict.BAD
    assert (found.new, found.wanted, found.login) == (None, None, None)
    for language in Language:
        for reason in found.reasons:
            words = said_of(reason.column, reason.code, reason.params, language)
            assert "{" not in words
            assert "?" not in words or code == "address_unreadable"
            assert reason.code not in words


def test_all_that_is_wrong_with_a_row_is_said_at_once() -> None:
    found = one_of(名称="", 场所类型="厕所", 告示牌确认="否", 主码流="x", 经度="", 联系电话="1")
    assert {column for column, _ in codes(found)} == {
        "name", "place_type", "sign_confirmed", "main_url", "longitude", "contact_number",
    }  # fmt: skip


@pytest.mark.parametrize("system", ["wgs84", "gcj02", "bd09"])
@pytest.mark.parametrize("there", [120.102, 120.10199999999999])
def test_degrees_are_compared_to_the_seventh_decimal(system: str, there: float) -> None:
    known = Registry({**STORED, "coordinate_system": system, "longitude": there})
    for said in ("120.102", "120.10199999999999", "120.10200001"):
        assert one_of(known=known, 经度=said, 坐标系=system).verdict is RowVerdict.UNCHANGED
    found = one_of(known=known, 经度="120.1020003", 坐标系=system)
    assert found.wanted == {
        "position": {"longitude": 120.1020003, "latitude": 30.2741, "coordinate_system": system}
    }


@pytest.mark.parametrize(
    ("defaults", "column", "code"),
    [
        ({"coordinate_system": "xx"}, "coordinate_system", "cell_choice"),
        ({"programme": "平安"}, "programme", "cell_choice"),
        ({"place_code": "330199"}, "place_code", "place_unknown"),
        ({"contact_number": "1"}, "contact_number", "contact_number"),
        ({"owner": "水" * 129}, "owner", "cell_long"),
    ],
)
def test_a_default_that_no_row_could_have_is_refused_once(
    defaults: dict[str, str], column: str, code: str
) -> None:
    with pytest.raises(DefaultRefusedError) as caught:
        one_of(defaults=Defaults(**defaults))  # type: ignore[arg-type]
    assert (caught.value.column, caught.value.code) == (column, code)
    assert column in str(caught.value)


@pytest.mark.parametrize(
    ("said", "found"),
    [("火星坐标", "gcj02"), ("高德", "gcj02"), ("GCJ02", "gcj02"), ("百度坐标系", "bd09"),
     ("BD-09", "bd09"), ("WGS84", "wgs84"), ("WGS-84", "wgs84"), ("GPS（WGS84）", None)],
)  # fmt: skip
def test_coordinate_systems_go_by_many_names(said: str, found: str | None) -> None:
    one = one_of(坐标系=said)
    assert (one.new.position.coordinate_system if one.new else None) == found


def test_every_kind_of_place_has_words_and_the_refused_ones_stay_refused() -> None:
    for kind in PlaceType:
        assert place_type_of(kind.value.replace("_", " ").title()) == kind
    for kind in REFUSED:
        assert place_type_of(kind) == kind
        assert codes(one_of(场所类型=kind)) == {("place_type", "place_type_refused")}
    for said in ("住宅", "三号病房", "男更衣室", "灵隐寺庙", "信访大厅", "酒店客房", "出租屋"):
        assert place_type_of(said) in REFUSED


def test_defaults_count_where_a_row_says_nothing_and_never_for_sign_and_place_type() -> None:
    defaults = Defaults(
        coordinate_system="火星", programme="天网", purpose="水情", legal_basis="防洪法",
        owner="水利局", contact_number="12345", upstream="省平台", place_code="330106", watch=True,
    )  # fmt: skip
    empty = {"坐标系": "", "项目": "", "用途": "", "法律依据": "", "所有人": "", "行政区划": ""}
    found = one_of(defaults=defaults, **empty)
    assert found.new is not None
    assert (found.new.owner, found.new.enabled) == ("水利局", True)
    assert found.new.position.coordinate_system == "gcj02"
    assert found.new.contact_number == GOOD["联系电话"]
    assert one_of().new is not None
    assert one_of().new.enabled is False  # type: ignore[union-attr]
    assert one_of(defaults=defaults, 启用="否").new.enabled is False  # type: ignore[union-attr]
    bare = one_of(defaults=defaults, 场所类型="", 告示牌确认="")
    assert codes(bare) == {("place_type", "required"), ("sign_confirmed", "required")}


def test_an_id_that_stands_twice_is_bad_wherever_it_stands_again() -> None:
    rows = [row(1), row(2), row(1), row(1, 国标编号="3301 0600 0013 2000 0001")]
    found = checked(csv_rows(*rows), known=Registry())
    assert [one.verdict for one in found] == [
        RowVerdict.NEW,
        RowVerdict.NEW,
        RowVerdict.BAD,
        RowVerdict.BAD,
    ]
    assert [one.reasons[0].params for one in found[2:]] == [{"line": 2}] * 2


def test_a_row_that_says_what_is_there_changes_nothing() -> None:
    known = Registry(STORED)
    found = one_of(known=known)
    assert (found.verdict, found.camera_id, found.patch) == (RowVerdict.UNCHANGED, "a-camera", None)
    other = one_of(known=known, 所有人="水利局", 行政区划="北山街道", 经度="120.2", 险情="明火")
    assert other.verdict is RowVerdict.CHANGED
    assert other.wanted == {
        "owner": "水利局", "place_code": "330106002", "hazards": ["fire"],
        "position": {"longitude": 120.2, "latitude": 30.2741, "coordinate_system": "gcj02"},
    }  # fmt: skip
    assert other.patch == CameraPatch.model_validate(other.wanted)


def test_only_the_columns_that_a_file_has_are_changed() -> None:
    lines = [["国标编号", "所有人"], [gb_id(1), "水利局"], [gb_id(2), "水利局"]]
    there, absent = checked(csv_of(lines), Defaults(programme="天网"), Registry(STORED))
    assert (there.verdict, there.wanted) == (RowVerdict.CHANGED, {"owner": "水利局"})
    assert there.name == GOOD["名称"]
    assert ("name", "required") in codes(absent)


def test_an_empty_cell_leaves_what_is_there_and_none_removes_it() -> None:
    assert one_of(known=Registry(STORED), 子码流="").verdict is RowVerdict.UNCHANGED
    found = one_of(known=Registry(STORED), 子码流="无")
    assert found.wanted == {"sub_url": None}
    assert found.patch is not None
    assert found.patch.model_fields_set == {"sub_url"}


def test_logins_leave_the_row_and_stand_in_no_cell() -> None:
    address = "rtsp://admin:s3cr%40t@192.0.2.1/Streaming/Channels/101"
    for found in (
        one_of(主码流=address),
        one_of(用户名="admin", 密码="s3cr@t"),
        one_of(主码流=address, 用户名="admin", 密码="s3cr@t"),
    ):
        assert found.login is not None
        assert (found.login.user, found.login.password.reveal()) == ("admin", "s3cr@t")
        assert found.new is not None
        assert found.new.credentials is None
        assert found.new.main_url.user is None
        for told in (found.cells, found.wanted, found):
            assert "s3cr" not in str(told)
            assert "s3cr" not in repr(told)
    assert codes(one_of(主码流=address, 用户名="root", 密码="x")) == {("password", "logins_differ")}


@pytest.mark.parametrize(
    "cell",
    [
        "rtsp://192.0.2.1/user=admin&password=s3cret",
        "rtsp://192.0.2.1/admin:s3cret/ch",
        "rtsp://192.0.2.1/?u=admin&p=s3cret",
        "rtsp://admin:p/s3cret@192.0.2.1/ch",
        "rtsp://admin:s3cret#@192.0.2.1",
        "http://admin:s3cret@192.0.2.1/",
        "地址 rtsp://admin:s3cret@192.0.2.1/",
        "//admin:s3cret@192.0.2.1/",
        "rtsp://admin:x s3cret@192.0.2.1/",
        "rtsp://192.0.2.1/%3Fpassword%3Ds3cret",
        "rtsp://192.0.2.1/token=s3cret" + "x" * 3000,
        "rtsp:\\\\admin:s3cret@192.0.2.1",
        "rtsp:/admin:s3cret@192.0.2.1/",
        "admin:s3cret@192.0.2.1",
    ],
)
def test_a_login_in_a_wrong_address_is_covered_too(cell: str) -> None:
    for column in ("主码流", "子码流", "备注"):
        found = one_of(**{column: cell})
        assert "s3cret" not in str(found.cells), column


def test_columns_of_others_that_hold_passwords_are_covered() -> None:
    found = one_of(设备口令="s3cret", 备注="看得见")
    assert found.cells[-2:] == ["***", "看得见"]


def test_wrong_addresses_without_a_login_stay_readable() -> None:
    for cell in ("http://192.0.2.1/live", "192.0.2.1", "rtsp//192.0.2.1", "rtsp://192.0.2.1#x"):
        assert cell in one_of(主码流=cell).cells


@pytest.mark.parametrize(
    ("bound", "cells", "expected"),
    [
        (["192.0.2.1:554"], {"主码流": "rtsp://***@192.0.2.1/Streaming/Channels/101"}, "unchanged"),
        (["192.0.2.1:554"], {"用户名": "***", "密码": "***"}, "unchanged"),
        (["192.0.2.1:554"], {"用户名": "***", "密码": "***", "所有人": "x"}, "changed"),
        (["192.0.2.9:554"], {"用户名": "***", "密码": "***"}, "login_taken_out"),
        (None, {"用户名": "***", "密码": "***"}, "login_taken_out"),
        (["192.0.2.1:554"], {"主码流": "rtsp://***@192.0.2.1/***"}, "login_taken_out"),
        (["192.0.2.1:554"], {"主码流": "rtsp://192.0.2.2/x"}, "login_needed"),
        (["192.0.2.1:554"], {"用户名": "a", "密码": "b"}, "changed"),
        (["192.0.2.1:554"], {"用户名": "***", "密码": "b"}, "login_taken_out"),
        (["192.0.2.1:554"], {"用户名": "a", "密码": "the same"}, "unchanged"),
    ],
)  # fmt: skip
def test_a_login_that_was_taken_out_before_is_that_of_the_camera(
    bound: list[str] | None, cells: dict[str, str], expected: str
) -> None:
    found = one_of(known=Registry(STORED, bound=bound), **cells)
    said = [reason.code for reason in found.reasons] or [found.verdict]
    assert said == [expected]


def test_a_new_camera_has_no_login_that_was_taken_out() -> None:
    found = one_of(用户名="***", 密码="***")
    assert [reason.code for reason in found.reasons] == ["login_taken_out"]


texts = st.text(max_size=60) | st.sampled_from([*GOOD.values(), "***", "rtsp://a:b@c/d", "0", "无"])


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, min_size=len(TITLES) + 4, max_size=len(TITLES) + 4))
def test_whatever_a_row_says_it_is_taken_or_refused_in_words(cells: list[str]) -> None:
    titles = [*TITLES, "用户名", "密码", "险情", "启用"]
    cells[1] = cells[1] or gb_id(1)
    from service.imports.sheets import write_csv

    body = b"".join(write_csv(titles, [cells]))
    for one in checked(body, known=Registry(STORED)):
        for reason in one.reasons:
            assert reason.code in REFUSALS
            assert all(isinstance(value, str | int | float) for value in reason.params.values())


def test_a_line_of_commas_says_nothing() -> None:
    lines = [*table([row()]), [""] * len(TITLES)]
    assert len(checked(csv_of(lines))) == 1
    assert read(csv_of(lines)).count == 1
