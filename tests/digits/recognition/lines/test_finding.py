"""Where the lines of a picture are."""

import cv2
import numpy as np
import pytest
from support.drawings import lined, shadow, specks, vignette
from support.kept import assert_as_kept, assert_text_as_kept
from support.lines import bars

from pipeline.digits.recognition.lines.finding import (
    _are_sides,
    _may_be_digits,
    _upright,
    find_lines,
)


def test_lines_are_found_from_top_to_bottom():
    found = find_lines(bars((30, 70, 110), (50, 90)))
    assert [len(line.boxes) for line in found.lines] == [3, 2]
    assert [line.middle for line in found.lines] == pytest.approx([40, 120], abs=2)
    assert [line.height for line in found.lines] == pytest.approx([40, 40], abs=3)


def test_a_leaning_line_is_one():
    (line,) = find_lines(bars((30, 80, 130, 180, 230), rise=0.15)).lines
    assert line.rise == pytest.approx(0.15, abs=0.02)


def test_rules_and_specks_open_no_line():
    picture = bars((30, 70, 110))
    picture[64:66] = 60
    picture[100:103, 50:53] = 60
    picture[120:122, 20:280] = 60
    assert len(find_lines(picture).lines) == 1


def test_the_side_of_a_frame_is_painted_over():
    picture = bars((30, 70, 110))
    picture[:, 0:3] = 40
    found = find_lines(picture)
    assert len(found.lines[0].boxes) == 3
    assert found.gray[:, :4].min() > 200
    assert found.gray[40, 34] == 40


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (60, 90), (300, 500, 3)])
def test_blank_paper_is_said_to_be_blank(shape):
    found = find_lines(np.full(shape, 200, np.uint8))
    assert found.lines == ()
    assert "blank" in found.trouble


def test_too_much_for_one_picture_is_told():
    picture = np.full((600, 900), 230, np.uint8)
    for top in range(10, 590, 24):
        for left in range(10, 890, 20):
            picture[top : top + 14, left : left + 6] = 40
    assert "too much for one picture" in find_lines(picture).trouble


def numbers(*lines, size=(240, 360), rise=0.0, ink=40, paper=230):
    """Write numbers, 24 pixels high, whose middles are 70 pixels apart."""
    picture = np.full(size, paper, np.uint8)
    for number, text in enumerate(lines):
        for place, sign in enumerate(text):
            at = 30 + 24 * place, round(52 + 70 * number + rise * 24 * place)
            cv2.putText(picture, sign, at, cv2.FONT_HERSHEY_SIMPLEX, 1.1, ink, 3, cv2.LINE_AA)
    return picture


def with_rule(picture, row, thickness=3, left=10, right=350, rise=0):
    return cv2.line(picture.copy(), (left, row), (right, row + rise), 60, thickness, cv2.LINE_AA)


def broken(picture):
    marked = picture.copy()
    marked[40:42, 50:76] = marked[40:42, 98:122] = 230
    return marked


def with_dark_sides(picture):
    marked = picture.copy()
    marked[:, :4] = marked[:, -4:] = 50
    return marked


PAGES = {
    "plain": numbers("3150", "27"),
    "leaning": numbers("2718281828", rise=0.12),
    "climbing": numbers("2718281828", rise=-0.1),
    "shadow": shadow(numbers("3150", "27 90")),
    "vignette": vignette(numbers("3150", "27 90")),
    "inverted": 255 - numbers("3150", "27 90"),
    "lined paper": lined(numbers("3150", "27 90"), 150),
    "rule below": with_rule(numbers("3150", "27 90"), 66),
    "rule through": with_rule(numbers("3150", "27 90"), 44, 2),
    "leaning rule": with_rule(numbers("3150", "27 90"), 140, 2, rise=6),
    "thick bar": with_rule(numbers("3150"), 112, 22),
    "borders": with_dark_sides(numbers("3150", "27 90")),
    "dashes": numbers("31-50-", "-27 90"),
    "specks": specks(numbers("3150", "27 90")),
    "dots": numbers("3.150,", "27.90"),
    "large and small": cv2.putText(numbers("3150"), "90 172", (40, 160), 0, 0.4, 40, 1),
    "broken": broken(numbers("31508", "27 90")),
    "faint": numbers("3150", "27 90", ink=205),
}


@pytest.mark.parametrize("name", PAGES)
def test_every_line_is_found_where_it_was_written(name):
    page = find_lines(PAGES[name].astype(np.uint8))
    middles = [line.middle + line.rise * 80 for line in page.lines]
    wanted = {"leaning": [46], "climbing": [37], "large and small": [41]}.get(name, [41, 111])
    assert middles == pytest.approx(wanted, abs=2)
    assert [line.height for line in page.lines] == pytest.approx([24] * len(wanted), abs=3)


def test_paper_and_ink_are_what_someone_looked_at():
    pages = [find_lines(page.astype(np.uint8)) for page in PAGES.values()]
    half = [cv2.resize(page.gray, (180, 120), interpolation=cv2.INTER_AREA) for page in pages]
    inked = [255 * cv2.resize(page.inked, (180, 120)) for page in pages]
    assert_as_kept("pages", np.stack([*half, *inked]).astype(np.uint8), columns=len(pages) // 2 + 1)


def test_lines_and_their_boxes_are_where_they_were():
    found = [find_lines(page.astype(np.uint8)).lines for page in PAGES.values()]
    kept = [
        f"{name}: {line.middle:.1f} {line.rise:z.3f} {line.height:.1f} {line.boxes.tolist()}"
        for name, lines in zip(PAGES, found, strict=True)
        for line in lines
    ]
    assert_text_as_kept("pages", kept)


def test_a_digit_in_two_parts_above_each_other_is_one_mark():
    picture = bars((30, 70, 110, 150), height=46)
    picture[20:41, 106:122] = 40
    picture[41:45, 106:122] = 230
    (line,) = find_lines(picture).lines
    assert line.boxes[:, :4] == pytest.approx(
        np.array([(30, 20, 8, 46), (70, 20, 8, 46), (106, 20, 16, 46), (150, 20, 8, 46)]), abs=2
    )
    assert line.boxes[2, 4] > 1.3 * line.boxes[1, 4]
    assert line.middle == pytest.approx(43, abs=1)


@pytest.mark.parametrize(("height", "lines"), [(13, 1), (22, 2)])
def test_a_line_less_than_half_as_high_as_the_highest_is_of_something_else(height, lines):
    picture = np.concatenate([bars((30, 70, 110)), bars((30, 60, 90), height=height)])
    found = find_lines(picture)
    assert len(found.lines) == lines


def test_of_too_many_marks_the_largest_are_searched():
    picture = np.full((600, 900), 230, np.uint8)
    for number, left in enumerate(range(10, 890, 14)):
        picture[10:50, left : left + 6] = 40
        for top in (100, 200, 300, 400, 500):
            picture[top : top + 24 + number % 2, left : left + 4] = 40
    found = find_lines(picture)
    assert "marks left out: 78" in found.trouble
    assert len(found.lines[0].boxes) == 63


def test_a_short_line_has_no_rise():
    steep = np.full((200, 300), 230, np.uint8)
    for place, left in enumerate((30, 70, 110)):
        steep[40 + 6 * place : 80 + 6 * place, left : left + 8] = 40
    assert find_lines(steep).lines[0].rise == 0


def test_specks_and_dashes_are_no_digits_and_no_part_of_one():
    """Next to two digits, 40 high: x, y, width, height, area."""
    digits = [[0, 0, 20, 40, 900], [30, 0, 20, 40, 900]]
    others = {
        "a speck": [60, 0, 7, 7, 30],
        "a dot of a fifth": [60, 0, 8, 8, 40],
        "three pixels in a row": [60, 0, 8, 1, 3],
        "four pixels": [60, 0, 8, 2, 4],
        "a bar": [60, 0, 50, 10, 300],
        "a dash": [60, 0, 51, 10, 300],
        "a wide digit": [60, 0, 120, 20, 600],
    }
    boxes = np.array([*digits, *others.values()], np.int32)
    kept = [name for name, may in zip(others, _may_be_digits(boxes)[2:], strict=True) if may]
    assert kept == ["a dot of a fifth", "four pixels", "a bar", "a wide digit"]


@pytest.mark.parametrize(
    ("box", "is_side"),
    [
        ((1, 20, 7, 40), True),
        ((2, 20, 7, 40), False),
        ((292, 20, 7, 40), True),
        ((291, 20, 7, 40), False),
        ((0, 20, 8, 40), False),  # hardly upright
        ((150, 1, 7, 198), True),  # from the top to the bottom
        ((150, 2, 7, 198), False),
        ((150, 1, 7, 197), False),
    ],
)
def test_sides_of_a_frame_are_upright_and_end_at_the_border(box, is_side):
    assert _are_sides(np.array([[*box, 100]], np.int32), (200, 300)).tolist() == [is_side]


def test_upright_lines_near_the_border_are_marked():
    lines = np.zeros((100, 200), np.uint8)
    lines[:, [5, 60, 195]] = lines[40:60, 9] = lines[50, :] = 90
    upright = _upright(lines)
    assert np.flatnonzero(upright.any(axis=0)).tolist() == [5, 195]
    assert upright[:, [5, 195]].all()
