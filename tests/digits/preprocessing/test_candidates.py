"""Whatever surrounds a digit, one of the candidates is the digit alone."""

import cv2
import numpy as np
import pytest
from support.drawings import STROKES, draw, likeness

from pipeline.digits.preprocessing.candidates import cut_page, find_pages
from pipeline.digits.preprocessing.normalise import normalise, readings

SIDE = 200


@pytest.fixture(params=STROKES)
def digit(request):
    return request.param


def in_colour(gray):
    return np.dstack([gray] * 3)


def underlined(page):
    return cv2.line(page, (50, 180), (150, 178), 20, 12)


def circled(page):
    return cv2.circle(page, (100, 100), 80, 20, 4)


def boxed_and_labelled(page):
    cv2.rectangle(page, (30, 25), (170, 172), 20, 3)
    return cv2.putText(page, "dd", (85, 192), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 20, 1)


def in_a_hard_shadow(page):
    edge = np.add.outer(np.arange(SIDE) * 0.4, np.arange(SIDE)) > 140
    return np.where(edge, page * 0.45, page).astype(np.uint8)


def dotted(page):
    rows, columns = np.indices(page.shape)
    return np.where((rows // 6 + columns // 6) % 2, page, 240).astype(np.uint8)


def beside_black_holes(page):
    faint = (190 + page.astype(int) // 5).astype(np.uint8)
    for place in (30, 100, 170):
        cv2.circle(faint, (14, place), 9, 10, -1)
    return faint


def on_a_note(page):
    desk = np.full((300, 400), 90, np.uint8)
    desk[:, ::7] = 70
    desk[40:240, 100:300] = page
    return desk


SURROUNDINGS = [
    *(underlined, circled, boxed_and_labelled, in_a_hard_shadow),
    *(dotted, beside_black_holes, on_a_note),
]


@pytest.mark.parametrize("surround", SURROUNDINGS, ids=lambda each: each.__name__)
def test_one_of_the_readings_is_the_digit_alone(surround, digit):
    usual = normalise(draw(digit)).image
    found = readings(surround(draw(digit)))
    assert max(likeness(each.image, usual) for each in found) > 0.88


def test_a_line_at_the_border_that_the_digit_touches_is_taken_away(digit):
    page = draw(digit, side=130, height=118)
    page[:, 4:9] = page[121:126] = 40
    usual = normalise(draw(digit)).image
    (unlined,) = (each for each in readings(page) if each.way == "unlined")
    assert likeness(unlined.image, usual) > 0.8


@pytest.mark.parametrize("inverted", [False, True])
def test_a_thick_pen_cut_tightly_is_read_in_both_polarities(inverted, digit):
    whole = draw(digit, pen=34)
    ys, xs = np.nonzero(draw(digit, pen=4) < 200)
    tight = whole[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    found = readings(255 - tight if inverted else tight)
    usual = normalise(draw(digit)).image
    assert max(likeness(each.image, usual) for each in found) > 0.75


def test_pencil_on_coloured_squares_is_freed_from_them(digit):
    page = in_colour(draw(digit, ink=150, pen=3))
    for place in range(6, SIDE, 15):
        page[place] = np.minimum(page[place], (140, 165, 215))
        page[:, place] = np.minimum(page[:, place], (140, 165, 215))
    usual = normalise(draw(digit)).image
    (freed,) = (each for each in readings(page) if each.way == "colour taken out")
    assert likeness(freed.image, usual) > 0.88


def test_a_plain_picture_has_one_reading(digit):
    assert len(readings(draw(digit))) == 1
    assert len(readings(in_colour(255 - draw(digit)))) == 1


def test_no_two_readings_are_alike_and_only_the_usual_one_may_be_blank():
    found = readings(circled(draw(3)))
    assert found[0].way == "usual"
    assert len({each.image.tobytes() for each in found}) == len(found) > 2
    assert all(each.image.any() for each in found)
    assert [each.way for each in readings(np.full((90, 90), 200, np.uint8))] == ["usual"]


def test_a_digit_beside_another_is_in_trouble_and_one_in_a_circle_is_not():
    pair = np.hstack([draw(3), draw(5)])
    alone = [each for each in readings(pair) if each.way == "one mark"]
    assert alone
    assert all("several" in each.trouble for each in alone)
    usual = normalise(draw(3)).image
    inside = max(readings(circled(draw(3))), key=lambda each: likeness(each.image, usual))
    assert inside.trouble == ""


def test_what_speaks_for_a_reading_is_measured():
    found = readings(underlined(draw(2)))
    alone = max(found, key=lambda each: likeness(each.image, normalise(draw(2)).image))
    assert alone.size == pytest.approx(0.65, abs=0.05)
    assert alone.offset < 0.03
    assert alone.parts == 1
    assert alone.foreign < 0.1
    rings = [each for each in readings(circled(draw(3))) if each.size > 0.75 and each.parts == 1]
    assert max(each.foreign for each in rings) > 0.3


def test_pages_are_found_and_cut_out():
    note = on_a_note(draw(3))
    pages = list(find_pages(note))
    assert len(pages) == 1
    assert cut_page(note, pages[0]).shape == pytest.approx((192, 192), abs=10)
    assert not list(find_pages(draw(3)))
    assert not list(find_pages(np.full((200, 20), 200, np.uint8)))


def test_what_is_around_a_tilted_page_becomes_paper():
    desk = np.full((300, 300, 3), (90, 60, 40), np.uint8)
    corners = np.array([[60, 90], [210, 60], [240, 210], [90, 240]])
    cv2.fillConvexPoly(desk, corners, (240, 220, 90))
    (page, *_) = find_pages(desk)
    cut = cut_page(desk, page)
    assert np.abs(cut.astype(int) - (240, 220, 90)).max() <= 2


def test_an_outlined_digit_is_filled_and_its_loops_stay_open():
    def outlined(page):
        solid = (page < 128).astype(np.uint8)
        edge = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        return (240 - 220 * edge).astype(np.uint8)

    ring = cv2.circle(np.full((SIDE, SIDE), 240, np.uint8), (100, 100), 50, 20, 16)
    for page in (draw(2, pen=16), draw(4, pen=16), ring):
        found = {each.way: each for each in readings(outlined(page))}
        assert likeness(found["filled"].image, normalise(page).image) > 0.93
    assert found["filled"].image[13:15, 13:15].max() < 50
