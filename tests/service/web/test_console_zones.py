"""Zones drawn on a camera's picture in a browser: with a mouse, with a thumb, with keys."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Dialog, Page, expect

from pipelines.messages import StreamFacts
from tests.service.web.evidence_parts import SIZES
from tests.service.web.zone_parts import World, at_camera, world
from tests.support.browser import chromium
from tests.support.waiting import until

pytestmark = pytest.mark.system("chromium")

QUAD = [(0.2, 0.9), (0.4, 0.4), (0.6, 0.4), (0.8, 0.9)]
ROAD = {"zone_id": "主路", "kind": "road", "polygon": [[0.1, 0.9], [0.5, 0.3], [0.9, 0.9]]}
NEAR = 0.006
"""A pixel of the screen and more: where a hand lands."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("zones")) as found:
        yield found


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a share of the picture is on the screen."""
    found: list[float] = page.locator("[data-test=canvas]").evaluate(
        """(svg, [x, y]) => {
          const { width, height } = svg.viewBox.baseVal;
          const at = new DOMPoint(x * width, y * height).matrixTransform(svg.getScreenCTM());
          return [at.x, at.y];
        }""",
        [x, y],
    )
    return found[0], found[1]


def click(page: Page, *shares: tuple[float, float]) -> None:
    for x, y in shares:
        page.mouse.click(*on_screen(page, x, y))


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*on_screen(page, *start))
    page.mouse.down()
    page.mouse.move(*on_screen(page, *end), steps=4)
    page.mouse.up()


def corner(page: Page, number: int) -> tuple[float, float]:
    label = page.locator(f"[data-grip='{number}']").get_attribute("aria-label") or ""
    x, y = label.partition("：横 ")[2].rstrip("%").split("%，纵 ")
    return float(x) / 100, float(y) / 100


def save(page: Page) -> None:
    with page.expect_response(lambda one: one.request.method == "PATCH") as answer:
        page.locator("[data-test=save]").click()
    assert answer.value.ok, answer.value.text()


def drawn(given: World, camera_id: str) -> dict[str, object]:
    found = given.found(camera_id)
    return {name: found[name] for name in ("zones", "water", "hazards")}


# ---- drawing


def test_a_road_is_drawn_by_mouse_and_saved_with_what_is_looked_for(
    browser: Browser, given: World
) -> None:
    camera_id = given.camera("路口")
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=draw-road]").click()
        click(page, *QUAD, (QUAD[0][0] + NEAR, QUAD[0][1]))  # the first once more: it is whole
        page.fill("[name=zone_id]", "主路")
        hazards = page.locator("[data-test=hazards]")
        page.locator("[data-test=direct]").click()
        expect(hazards.locator("[data-test=need-wrong_way]")).not_to_have_text("已标方向")
        click(page, (0.45, 0.7), (0.55, 0.7))
        page.locator("[data-test=turn-arrow]").click()
        page.fill("[name=permitted_s]", "60")
        expect(hazards.locator("[data-test=need-wrong_way]")).to_have_text("已标方向")
        idle = page.locator("[data-test=idle]")
        expect(idle).to_have_text("还没有险情用到“主路”：请勾选")
        page.locator("[data-test=zone-hazards] input[value=debris]").check()
        expect(idle).to_have_text("“主路”已标方向，但还没有勾选“逆行”")
        page.locator("[data-test=zone-hazards] input[value=wrong_way]").check()
        expect(idle).to_have_count(0)
        drag(page, (0.4, 0.4), (0.3, 0.3))
        save(page)
        expect(page.locator("[data-test=save]")).to_be_disabled()
    found = given.found(camera_id)
    [zone] = found["zones"]
    assert (zone["zone_id"], zone["kind"], zone["permitted_s"]) == ("主路", "road", 60)
    assert zone["polygon"] == [pytest.approx(one, abs=0.003) for one in
                               [(0.2, 0.9), (0.3, 0.3), (0.6, 0.4), (0.8, 0.9)]]  # fmt: skip
    ends = [pytest.approx(one, abs=0.003) for one in [(0.55, 0.7), (0.45, 0.7)]]
    assert zone["direction"] == ends, "turned round"
    assert "wrong_way" in found["hazards"]


def test_a_corner_snaps_to_the_picture_s_and_to_another_zone_s_unless_alt_is_held(
    browser: Browser, given: World
) -> None:
    camera_id = given.camera("吸附", zones=[ROAD])
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=draw-area]").click()
        click(page, (0.004, 0.006), (0.5 + NEAR, 0.3 - NEAR), (0.003, 0.6))
        page.keyboard.down("Alt")
        click(page, (0.004, 0.4))
        page.keyboard.up("Alt")
        page.locator("[data-test=finish]").click()
        save(page)
    polygon = given.found(camera_id)["zones"][1]["polygon"]
    assert polygon[:2] == [[0, 0], [0.5, 0.3]]
    assert polygon[2] == [0, pytest.approx(0.6, abs=0.003)]
    assert polygon[3] == [pytest.approx(0.004, abs=0.002), pytest.approx(0.4, abs=0.003)]
    assert polygon[3][0] > 0


def test_a_zone_is_drawn_and_changed_by_keys_alone(browser: Browser, given: World) -> None:
    camera_id = given.camera("键盘")
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=draw-slope]").focus()
        keys = page.keyboard
        keys.press("Enter")
        expect(page.locator("[data-test=canvas]")).to_be_focused()
        for way in ("Shift+ArrowLeft", "Shift+ArrowUp", "Shift+ArrowRight", "ArrowDown"):
            keys.press("Enter")
            for _ in range(4):
                keys.press(way)
        keys.press("Backspace")
        keys.press("Enter")
        page.locator("[data-test=finish]").press("Enter")
        first = page.locator("[data-grip='0']")
        first.focus()
        keys.press("ArrowRight")
        assert corner(page, 0) == pytest.approx((0.505, 0.5))
        keys.press("Enter")
        expect(page.locator("[data-grip='1']")).to_be_focused()
        expect(page.locator("[data-grip]")).to_have_count(5)
        keys.press("Backspace")
        expect(page.locator("[data-grip]")).to_have_count(4)
        expect(page.locator("[data-grip='0']")).to_be_focused()
        keys.press("Tab")
        expect(page.locator("[data-grip='1']")).to_be_focused()
        keys.press("Control+z")
        keys.press("Control+z")
        keys.press("Control+z")
        assert corner(page, 0) == pytest.approx((0.5, 0.5))
        keys.press("Control+y")
        assert corner(page, 0) == pytest.approx((0.505, 0.5))
        keys.press("Escape")
        expect(page.locator("[data-grip]")).to_have_count(0)
        expect(page.locator("[data-test=list]")).to_contain_text("边坡 1")
        expect(page.locator("[data-test=list]")).to_contain_text("4 个顶点")
        save(page)
    [zone] = given.found(camera_id)["zones"]
    assert zone["polygon"] == [[0.505, 0.5], [0.3, 0.5], [0.3, 0.3], [0.5, 0.32]]


def test_one_gesture_is_one_step_to_undo_and_a_direction_is_dragged_or_given_by_keys(
    browser: Browser, given: World
) -> None:
    camera_id = given.camera("一步", zones=[ROAD])
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=list] button").first.click()
        drag(page, (0.5, 0.9), (0.5, 0.8))
        expect(page.locator("[data-grip]")).to_have_count(4)
        page.keyboard.press("Control+z")
        expect(page.locator("[data-grip]")).to_have_count(3)
        expect(page.locator("[data-test=undo]")).to_be_disabled()
        page.locator("[data-test=direct]").click()
        drag(page, (0.5, 0.8), (0.5, 0.5))
        page.locator("[data-test=undo]").click()
        page.locator("[data-test=direct]").press("Enter")
        expect(page.locator("[data-test=canvas]")).to_be_focused()
        for key in ("Enter", "Shift+ArrowUp", "Shift+ArrowUp", "Enter"):
            page.keyboard.press(key)
        page.locator("[data-test=zone-hazards] input[value=wrong_way]").check()
        save(page)
    [zone] = given.found(camera_id)["zones"]
    assert zone["direction"] == [[0.5, 0.7], [0.5, 0.6]]


def touch(client: CDPSession, kind: str, *at: tuple[float, float]) -> None:
    points = [{"x": x, "y": y} for x, y in at]
    client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def swipe(page: Page, client: CDPSession, at: tuple[float, float], up_px: int) -> None:
    """Move the page as quickly as a thumb does."""
    page.evaluate("[window.from, onscroll] = [scrollY, () => { window.last = performance.now(); }]")
    touch(client, "touchStart", at)
    for part in range(1, 7):
        touch(client, "touchMove", (at[0], at[1] - up_px * part / 6))
    touch(client, "touchEnd")
    rests = "scrollY > from && performance.now() - last > 400"  # it rolls on for a while
    until(lambda: page.evaluate(rests), "the page to scroll")


def test_a_thumb_draws_on_a_phone(browser: Browser, given: World) -> None:
    camera_id = given.camera("手机")
    with at_camera(browser, given, f"{camera_id}/zones", width_px=390) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("[data-test=draw-fire_lane]").tap()
        for x, y in [(0.2, 0.8), (0.3, 0.4), (0.7, 0.4), (0.8, 0.8)]:
            page.touchscreen.tap(*on_screen(page, x, y))
        page.locator("[data-test=finish]").tap()
        expect(page.locator("[data-grip]")).to_have_count(4)
        client = page.context.new_cdp_session(page)
        beside = (0.2 + 0.04, 0.8)  # a thumb is 15 px off, and the corner doesn't jump to it
        swipe(page, client, on_screen(page, *beside), 120)
        assert corner(page, 0) == pytest.approx((0.2, 0.8), abs=0.01)
        touch(client, "touchStart", on_screen(page, *beside))
        expect(page.locator("[data-test=loupe]")).to_be_visible()  # held for a moment
        touch(client, "touchMove", on_screen(page, 0.19, 0.75))
        touch(client, "touchMove", on_screen(page, 0.14, 0.7))
        touch(client, "touchEnd")
        expect(page.locator("[data-test=loupe]")).to_have_count(0)
        assert corner(page, 0) == pytest.approx((0.1, 0.7), abs=0.01)
        grip = page.locator(".grip .reach").first.bounding_box()
        assert grip
        assert grip["width"] >= 43, "for a finger"
        save(page)
    [zone] = given.found(camera_id)["zones"]
    assert zone["kind"] == "fire_lane"


def test_the_water_scale_is_a_line_whose_alarm_level_is_pulled(
    browser: Browser, given: World
) -> None:
    camera_id = given.camera("水尺")
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=hazards] input[value=water_over_line]").check()
        expect(page.locator("[data-test=lacks]")).to_have_text("水位超线：还要画水位标尺")
        page.locator("[data-test=draw-water]").click()
        expect(page.locator("[data-test=lacks]")).to_have_count(0)
        drag(page, (0.5, 0.85), (0.52, 0.9))
        drag(page, (0.5, 0.25), (0.52, 0.2))
        drag(page, (0.52, 0.9 - 0.7 * 0.6), (0.52, 0.55))
        save(page)
        page.locator("[data-test=swap-scale]").click()
        expect(page.locator("[data-test=list] [data-test=wrong]")).to_have_text(
            "水位标尺的顶端应在底端上方，请对调"
        )
    water = given.found(camera_id)["water"]
    assert water["foot"] == pytest.approx([0.52, 0.9], abs=0.004)
    assert water["head"] == pytest.approx([0.52, 0.2], abs=0.004)
    assert water["alarm_level"] == pytest.approx(0.5, abs=0.011)


# ---- what is wrong


def test_what_crosses_is_said_as_it_is_drawn_in_the_service_s_words_and_never_sent(
    browser: Browser, given: World
) -> None:
    camera_id = given.camera("交叉", zones=[ROAD, ROAD | {"zone_id": "辅路"}])
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=list] button").first.click()
        sent: list[str] = []
        page.on("request", lambda one: sent.append(one.method))
        drag(page, (0.5, 0.3), (0.5, 0.95))
        drag(page, (0.1, 0.9), (0.5, 0.93))
        page.fill("[name=zone_id]", "辅路")
        wrong = page.locator("[data-test=list] [data-test=wrong]")
        expect(wrong.first).to_contain_text("有两个区域同名，请分别命名")
        page.locator("[data-test=list] button").nth(1).click()
        page.locator("[data-test=draw-privacy]").click()
        click(page, (0.2, 0.1), (0.4, 0.3), (0.4, 0.1), (0.2, 0.3))
        page.locator("[data-test=finish]").click()
        crossing = "区域的边线交叉、相碰或重叠：请按顺序沿边给出顶点，只绕一圈"
        expect(page.locator("[data-test=wrong]", has_text=crossing)).to_have_count(1)
        page.locator("[data-test=save]").click()
        held = page.locator("[data-test=held]")
        expect(held).to_contain_text("请先改正标出的")
        page.keyboard.press("Escape")
        held.get_by_role("link", name=f"隐私遮挡 1：{crossing}").click()
        expect(page.locator("[name=zone_id]")).to_have_value("隐私遮挡 1")
        expect(page.locator("[data-test=canvas]")).to_be_in_viewport()
        assert "PATCH" not in sent
        page.on("dialog", lambda dialog: dialog.accept())
        page.locator("[data-test=go-cameras]").click()


def test_a_hazard_that_lacks_its_zone_is_told_and_not_sent(browser: Browser, given: World) -> None:
    camera_id = given.camera("险情")
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=hazards] input[value=stopped_vehicle]").check()
        page.locator("[data-test=save]").click()
        expect(page.locator("[data-test=held]")).to_contain_text("异常停车：还要画“道路”区域")
        page.locator("[data-test=held] a").click()
        expect(page.locator("[data-test=hazards]")).to_be_in_viewport()
        page.locator("[data-test=draw-road]").click()
        page.locator("[data-test=put-box]").click()
        expect(page.locator("[data-test=held]")).to_have_count(0)
        save(page)
    assert "stopped_vehicle" in given.found(camera_id)["hazards"]


def test_two_people_draw_on_one_camera_and_neither_loses_what_was_drawn(
    browser: Browser, given: World
) -> None:
    camera_id = given.camera("两人", zones=[ROAD])
    slope = {"zone_id": "北坡", "kind": "slope", "polygon": [[0, 0], [0.3, 0], [0.3, 0.3]]}
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=draw-gate]").click()
        page.locator("[data-test=put-box]").click()
        given.edit(camera_id, zones=[ROAD | {"permitted_s": 90}, slope])
        with page.expect_response(lambda one: one.status == 412):
            page.locator("[data-test=save]").click()
        meanwhile = page.locator("[data-test=meanwhile]")
        expect(meanwhile).to_contain_text("北坡 · 边坡")
        expect(page.locator("[data-test=list]")).to_contain_text("应急门 1")
        expect(page.locator("[data-test=save]")).to_be_disabled()
        meanwhile.locator("button").first.click()
        expect(page.locator("[data-test=count]")).to_have_text("3")
        save(page)
    zones = given.found(camera_id)["zones"]
    assert {one["zone_id"]: one["permitted_s"] for one in zones} == {
        "主路": 90, "应急门 1": None, "北坡": None,
    }  # fmt: skip


def test_what_was_drawn_and_not_saved_is_asked_about(browser: Browser, given: World) -> None:
    camera_id = given.camera("未存")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss() if len(asked) == 1 else dialog.accept()

    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.on("dialog", stay)
        page.locator("[data-test=draw-area]").click()
        click(page, (0.2, 0.2))
        page.locator("[data-test=go-cameras]").click()
        expect(page.locator("[data-test=canvas]")).to_be_visible()
        assert asked == ["已填写的内容尚未保存，确定离开吗？"]
        page.locator("[data-test=go-cameras]").click()
        expect(page.locator("#main h1")).to_have_text("摄像机")


def test_zones_are_renamed_reordered_turned_into_others_and_deleted(
    browser: Browser, given: World
) -> None:
    arrow = ROAD | {"direction": [[0.5, 0.8], [0.5, 0.5]]}
    slope = {"zone_id": "北坡", "kind": "slope", "polygon": [[0, 0], [0.3, 0], [0.3, 0.3]]}
    window = {"zone_id": "窗", "kind": "privacy", "polygon": [[0.7, 0], [0.9, 0], [0.9, 0.2]]}
    camera_id = given.camera("整理", zones=[arrow, slope, window])
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        entries = page.locator("[data-test=list] button")
        entries.nth(0).click()
        page.get_by_role("button", name="下移").click()
        page.select_option("[name=kind]", "gate")  # a gate has no direction
        page.fill("[name=zone_id]", "东门")
        entries.nth(2).click()
        page.locator("[data-test=remove-zone]").click()
        page.locator("[data-test=undo]").click()
        expect(entries).to_have_count(3)
        page.locator("[data-test=redo]").click()
        save(page)
    zones = given.found(camera_id)["zones"]
    assert [(one["zone_id"], one["kind"], one["direction"]) for one in zones] == [
        ("北坡", "slope", None), ("东门", "gate", None),
    ]  # fmt: skip


# ---- copying


def test_zones_are_copied_to_those_that_are_chosen_and_counted_first(
    browser: Browser, given: World
) -> None:
    hazards = ["fire", "stopped_vehicle"]
    camera_id = given.camera("甲", zones=[ROAD], hazards=hazards, place_type="bridge")
    alike = given.camera("乙", place_type="bridge")
    unknown = given.camera("丁", place_type="bridge", zones=[ROAD | {"zone_id": "旧路"}])
    other = given.camera("丙", place_type="bridge")
    for one, height_px in ((camera_id, 720), (alike, 1080), (other, 1440)):
        width_px = 1920 if height_px != 720 else 1280
        facts = StreamFacts(codec="h264", width_px=width_px, height_px=height_px)
        given.worker.findings[one] = {"stream": facts}
    given.probe(camera_id, alike, other)
    with at_camera(browser, given, f"{camera_id}/zones") as page:
        page.locator("[data-test=copy]").click()
        expect(page.locator("[data-test=found] li")).to_have_count(3)
        page.locator("[data-test=pick-all]").click()
        page.locator(f"[data-test=found] input[value='{unknown}']").uncheck()
        page.locator("[data-test=copy-go]").click()
        expect(page.locator("[data-test=would]")).to_contain_text("将替换 1 台")
        expect(page.locator("[data-test=loses]")).to_have_count(0)
        page.locator(f"[data-test=found] input[value='{unknown}']").check()
        page.locator("[data-test=copy-go]").click()
        expect(page.locator("[data-test=would]")).to_contain_text("将替换 2 台")
        expect(page.locator("[data-test=loses]")).to_be_in_viewport()
        expect(page.locator("[data-test=copy-go]")).to_be_in_viewport()
        line = page.locator("[data-test=targets] li", has_text="丁")
        expect(line).to_contain_text("替换：1 个区域（旧路）")
        expect(line).to_contain_text("画面比例未知")
        expect(line.get_by_role("link")).to_have_attribute("href", f"/cameras/{unknown}/zones")
        page.locator(f"[data-test=found] input[value='{unknown}']").uncheck()
        page.locator("[data-test=copy-go]").click()
        expect(page.locator("[data-test=would]")).to_contain_text("将替换 1 台")
        expect(page.get_by_role("dialog")).to_contain_text("画面比例不同")
        assert given.found(alike)["zones"] == []
        page.locator("[data-test=copy-go]").click()
        expect(page.locator("[data-test=copied]")).to_have_text("已复制到 1 台摄像机")
    assert given.found(alike)["zones"][0]["polygon"] == ROAD["polygon"]
    assert sorted(given.found(alike)["hazards"]) == hazards
    assert given.found(other)["zones"] == []


def test_the_whole_picture_is_in_sight(browser: Browser, given: World) -> None:
    camera_id = given.camera("整幅")
    with at_camera(browser, given, f"{camera_id}/zones", looks="light-en") as page:
        for width_px in (1920, 1366):
            page.set_viewport_size({"width": width_px, "height": SIZES[width_px]})
            canvas = page.locator("[data-test=canvas]").bounding_box()
            foot = page.locator("[data-test=save]").bounding_box()
            assert canvas
            assert foot
            assert canvas["y"] + canvas["height"] < foot["y"]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.set_viewport_size({"width": 844, "height": 390})  # a phone that lies
        page.locator("[data-test=hazards]").scroll_into_view_if_needed()
        expect(page.locator("[data-test=canvas]")).to_be_in_viewport(ratio=1)
        expect(page.locator("[data-test=undo]")).to_be_in_viewport(ratio=1)
        page.set_viewport_size({"width": 390, "height": SIZES[390]})
        for one in page.locator(".tools .swatch").all()[:6]:
            box = one.bounding_box()
            assert box
            assert box["width"] == 10, "a mark of a colour"
