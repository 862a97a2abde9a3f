"""The page to draw on, in a real browser: with a mouse, on a phone with touch, and by keyboard."""

import copy
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from support.networks import write_line_reader, write_reader
from support.projects import wait_for
from support.service import running

from pipeline.inventory import readers
from pipeline.service import app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "tests" / "screenshots"
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
WITHIN = 20_000  # milliseconds

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory, default_tree):
    """Run the service without a registry; return the page's address."""
    folder = tmp_path_factory.mktemp("models")
    tree = copy.deepcopy(default_tree)
    tree["tracking"]["enabled"] = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "ONNX_FILE", write_reader(folder / "model.onnx", 14))
        patch.setattr(readers, "LINES_FILE", write_line_reader(folder / "lines.onnx"))
        patch.setattr(app, "CORRECTIONS", folder / "corrections")
        with running(tree) as client:
            yield f"http://127.0.0.1:{client.port}/"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address):
    """Return a function that opens the page; the browser must complain of nothing."""
    complaints = []

    def visit(**how):
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **how})
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        # Asked for at once: a chooser that opens while Playwright sets this up is missed.
        page.on("filechooser", lambda chooser: None)
        page.goto(address)
        page.get_by_text("a network").first.wait_for(timeout=WITHIN)
        return page

    yield visit
    assert not complaints


def place(page, point):
    """Return where a point of the sheet, 0..1 each way, is on the page."""
    box = page.locator("#drawing").bounding_box()
    return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]


def draw(page, points):
    """Draw a stroke with the mouse."""
    page.mouse.move(*place(page, points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(page, point), steps=5)
    page.mouse.up()


def wait_for_answer(page):
    expect(page.locator(".digit").first).not_to_be_empty(timeout=WITHIN)


def ink(page):
    """Return how many pixels of the sheet are dark."""
    return _pixels(page, "red < 128 && blue < 128")


def blue(page):
    """Return how many pixels of the sheet are blue, as boxes are."""
    return _pixels(page, "blue > red + 64")


def _pixels(page, condition):
    return page.evaluate(
        """() => {
            const canvas = document.getElementById("drawing");
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            return data.filter((red, index) => {
                const blue = data[index + 2];
                return index % 4 === 0 && CONDITION;
            }).length;
        }""".replace("CONDITION", condition)
    )


def test_a_stroke_is_answered_with_what_the_network_saw_and_ten_bars(visit):
    page = visit()
    draw(page, SEVEN)
    wait_for_answer(page)
    page.locator("meter").first.wait_for(timeout=WITHIN)
    shares = page.locator("meter").evaluate_all("meters => meters.map(meter => meter.value)")
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert "unsure" in page.locator(".state").inner_text()
    expect(page.locator("#spoken")).not_to_be_empty(timeout=WITHIN)  # a screen reader says it, too
    page.screenshot(path=SCREENSHOTS / "test_a_digit_is_drawn.png")


def test_undo_takes_the_last_stroke_and_clear_all_of_them_by_button_and_by_key(visit):
    page = visit()
    draw(page, SEVEN)
    one = ink(page)
    draw(page, [(0.2, 0.9), (0.8, 0.9)])
    assert ink(page) > one
    page.keyboard.press("Control+z")
    assert ink(page) == one
    page.get_by_role("button", name="Undo").click()
    assert ink(page) == 0
    assert page.get_by_role("button", name="Undo").is_disabled()
    draw(page, SEVEN)
    page.keyboard.press("Escape")
    assert ink(page) == 0
    expect(page.locator(".digit")).to_be_empty(timeout=WITHIN)


def test_a_picture_is_opened_by_keyboard(visit):
    page = visit()
    page.locator("#upload").focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(ROOT / "data" / "custom" / "7_small.png")
    wait_for_answer(page)


def test_a_file_that_is_no_picture_is_told_of(visit):
    page = visit()
    page.locator("#file").set_input_files(ROOT / "README.md")
    page.get_by_text("README.md is not a picture").wait_for(timeout=WITHIN)


def test_whole_numbers_get_boxes(visit):
    page = visit()
    page.get_by_label("Whole numbers").check()
    for left in (0.3, 0.45):  # broad bars: the network takes columns that are all dark for a one
        draw(page, [(left + step / 100, (0.2, 0.8)[step % 2]) for step in range(6)])
    expect(page.locator(".digit")).to_have_text(re.compile("1+"), timeout=WITHIN)
    wait_for(lambda: blue(page), 20)


def test_two_networks_answer_side_by_side(visit):
    page = visit()
    draw(page, SEVEN)
    page.get_by_label("Compare with").fill("local")
    page.keyboard.press("Enter")
    expect(page.locator("article")).to_have_count(2, timeout=WITHIN)
    expect(page.locator(".digit").last).not_to_be_empty(timeout=WITHIN)
    page.get_by_label("Compare with").fill("")
    page.keyboard.press("Enter")
    expect(page.locator("article")).to_have_count(1, timeout=WITHIN)


def test_a_wrong_answer_is_corrected_by_keyboard_told_aloud_and_taken_back(visit):
    kept = app.CORRECTIONS
    page = visit()
    group = page.get_by_role("group", name="Wrong? It is a")
    expect(group).to_be_hidden()
    draw(page, SEVEN)
    wait_for_answer(page)
    group.get_by_role("button", name="It is a 7").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#spoken")).to_have_text("Kept as a 7, to be learned.", timeout=WITHIN)
    assert [file.parent.name for file in kept.glob("*/*.png")] == ["7"]
    group.get_by_role("button", name="It is a 1").click()
    expect(group).to_contain_text("Kept as a 1", timeout=WITHIN)
    assert [file.parent.name for file in kept.glob("*/*.png")] == ["1"]
    page.screenshot(path=SCREENSHOTS / "test_an_answer_is_corrected.png", full_page=True)
    group.get_by_role("button", name="Take it back").click()
    expect(group).to_contain_text("Taken back", timeout=WITHIN)
    assert list(kept.glob("*/*.png")) == []
    page.get_by_label("Whole numbers").check()
    draw(page, SEVEN)
    expect(group).to_be_hidden()


def test_on_a_phone_a_finger_draws_and_nothing_is_cut_off(visit, browser):
    page = visit(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    session = page.context.new_cdp_session(page)
    for kind, point in [("touchStart", SEVEN[0]), *(("touchMove", each) for each in SEVEN[1:])]:
        x, y = place(page, point)
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wait_for_answer(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("#photograph").is_visible()
    page.screenshot(path=SCREENSHOTS / "test_a_digit_is_drawn_on_a_phone.png", full_page=True)
