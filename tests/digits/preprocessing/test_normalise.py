"""What a picture of a digit becomes does not depend on pen, paper, light, size or place."""

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from support.drawings import (
    STROKES,
    colored,
    draw,
    framed,
    grain,
    jpeg,
    likeness,
    lined,
    shadow,
    specks,
    squared,
    table_edge,
    vignette,
)
from support.kept import assert_as_kept

from pipeline.digits.preprocessing.decoding import FULL_SIDE, QUICK_SIDE, read_picture
from pipeline.digits.preprocessing.form import stroke_width
from pipeline.digits.preprocessing.normalise import decode_and_normalise, normalise
from pipeline.digits.splits import BOX, SIDE


def seen(picture):
    return normalise(picture).image


@pytest.fixture(params=STROKES)
def digit(request):
    return request.param


@pytest.fixture
def usual(digit):
    return seen(draw(digit))


CHANGES = {
    "inverted": lambda picture: 255 - picture,
    "faint": lambda picture: (picture // 4 + 150).astype(np.uint8),
    "shadow": shadow,
    "vignette": vignette,
    "jpeg": jpeg,
    "grain": grain,
    "blur": lambda picture: cv2.GaussianBlur(picture, (0, 0), 2),
    "squared paper": squared,
    "lined paper": lined,
    "frame": framed,
    "table edge": table_edge,
    "specks": specks,
    "blue on white": colored((30, 40, 160), (250, 250, 250)),
    "yellow on white": colored((250, 225, 40), (252, 252, 250)),
    "red on green of the same luminance": colored((200, 40, 40), (30, 122, 60)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_seen_survives(change, digit, usual):
    bound = 0.92 if change == "squared paper" else 0.93
    assert likeness(seen(CHANGES[change](draw(digit))), usual) > bound


@pytest.mark.parametrize("at", [(0.3, 0.35), (0.7, 0.6), (0.5, 0.33)])
def test_place_does_not_matter(at, digit, usual):
    assert likeness(seen(draw(digit, at=at)), usual) > 0.97


@pytest.mark.parametrize("side", [28, 60, 400, 1000])
def test_size_does_not_matter(side, digit, usual):
    picture = draw(digit, side=side, height=0.6 * side, pen=0.05 * side)

    assert likeness(seen(picture), usual) > 0.93


@pytest.mark.parametrize("pen", [2, 5, 18])
def test_pen_width_does_not_matter(pen, digit, usual):
    assert likeness(seen(draw(digit, pen=pen)), usual) > 0.88


def test_a_small_digit_on_a_large_sheet_is_found(digit, usual):
    picture = draw(digit, side=1000, height=80, pen=5, at=(0.8, 0.3))

    assert likeness(seen(picture), usual) > 0.93


def test_a_small_digit_on_a_large_sheet_in_a_shadow_is_found(digit, usual):
    picture = shadow(draw(digit, side=1000, height=100, pen=8, at=(0.6, 0.4)))

    assert likeness(seen(picture), usual) > 0.93


def test_lines_from_top_to_bottom_are_dropped_too(digit, usual):
    assert likeness(seen(np.ascontiguousarray(lined(draw(digit).T).T)), usual) > 0.8


@pytest.mark.parametrize("side", [200, 400, 1000])
def test_the_extent_is_in_pixels_of_the_picture(side, digit):
    normalised = normalise(draw(digit, side=side, height=0.6 * side, pen=0.05 * side))

    assert normalised.extent == pytest.approx(0.65 * side, abs=0.06 * side)


def test_a_thin_faint_pen_on_a_large_sheet_is_seen(digit, usual):
    picture = draw(digit, side=800, height=480, pen=2, ink=170)

    assert likeness(seen(picture), usual) > 0.75


@pytest.mark.parametrize("inverted", [False, True])
def test_a_digit_that_fills_its_frame_stays_whole(inverted, digit, usual):
    whole = draw(digit)
    ys, xs = np.nonzero(whole < 200)
    tight = whole[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    scale = 16 / max(tight.shape)
    small = cv2.resize(tight, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)

    assert likeness(seen(255 - small if inverted else small), usual) > 0.85


@pytest.mark.parametrize("times", [2, 3, 20])
def test_repeated_pixels_are_no_strokes(times, digit):
    small = cv2.resize(draw(digit, pen=14), (16, 16), interpolation=cv2.INTER_AREA)
    enlarged = small.repeat(times, axis=0).repeat(times, axis=1)

    assert np.array_equal(seen(enlarged), seen(small))
    assert np.array_equal(seen(np.dstack([enlarged] * 3)), seen(small))


def test_broken_strokes_are_kept_together(digit, usual):
    picture = draw(digit)
    picture[95:101] = 240

    assert likeness(seen(picture), usual) > 0.9


def test_a_picture_in_mnist_form_comes_out_unchanged(usual):
    assert np.array_equal(seen(usual), usual)
    assert np.array_equal(seen(255 - usual), usual)


def test_the_steps_of_a_picture_in_mnist_form_are_few(usual):
    assert [name for name, _ in normalise(usual).steps] == ["picture", "seen"]
    inverted = [name for name, _ in normalise(255 - usual).steps]
    assert inverted == ["picture", "grey", "dark on light", "seen"]
    assert normalise(usual).extent == normalise(255 - usual).extent == BOX
    blank = [name for name, _ in normalise(np.full((90, 90), 200, np.uint8)).steps]
    assert blank == [*STEPS[:-3], "seen"]


def test_what_is_seen_is_what_someone_looked_at():
    pictures = [change(draw(digit)) for change in CHANGES.values() for digit in STROKES]
    pictures += [draw(digit, pen=pen) for pen in (2, 5, 18, 26) for digit in STROKES]
    pictures += [
        draw(digit, side=side, height=0.5 * side) for side in (24, 33) for digit in STROKES
    ]
    pictures += [draw(digit, side=1000, height=90, pen=7, at=(0.8, 0.3)) for digit in STROKES]
    pictures += [shadow(draw(digit, side=900, height=110, pen=8)) for digit in STROKES]
    assert_as_kept("seen", np.stack([seen(picture) for picture in pictures]), columns=15)


def test_every_step_is_what_someone_looked_at():
    pictures = [draw(5), *(change(draw(5)) for change in CHANGES.values())]
    shown = [step for picture in pictures for _, step in normalise(picture).steps[1:]]
    small = [cv2.resize(step, (56, 56), interpolation=cv2.INTER_AREA) for step in shown]
    assert_as_kept("steps", np.stack(small), columns=len(STEPS) - 1)


def test_the_form_is_mnist(digit):
    image = seen(draw(digit, at=(0.3, 0.4)))
    _, _, width, height = cv2.boundingRect(image)
    moments = cv2.moments(image)

    assert max(width, height) in (BOX, BOX + 1)
    assert moments["m10"] / moments["m00"] == pytest.approx(SIDE / 2, abs=0.6)
    assert moments["m01"] / moments["m00"] == pytest.approx(SIDE / 2, abs=0.6)
    assert 0.1 < np.mean((image > 30) & (image < 220)) / np.mean(image > 0) < 0.9
    assert 1.3 * 4 < stroke_width(cv2.resize(image, None, fx=4, fy=4)) < 3.8 * 4


STEPS = ["picture", "grey", "dark on light", "flattened", "edges dropped", "lines dropped"]
STEPS += ["digit", "enlarged", "stroke width", "seen"]


def test_steps_end_with_what_the_network_sees(digit):
    normalised = normalise(draw(digit))

    assert normalised.trouble == ""
    assert [name for name, _ in normalised.steps] == STEPS
    assert normalised.steps[-1][1] is normalised.image
    assert all(np.ptp(picture) > 100 for _, picture in normalised.steps)


def several():
    return np.hstack([draw(2), draw(3), draw(5)])


def disc():
    return cv2.circle(np.full((90, 90), 240, np.uint8), (45, 45), 12, 20, -1)


def net():
    picture = np.full((120, 120), 240, np.uint8)
    for place in range(30, 91, 12):
        picture[30:92, place : place + 2] = picture[place : place + 2, 30:92] = 20
    return picture


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full((100, 100), 255, np.uint8), "blank"),
        (np.zeros((28, 28), np.uint8), "blank"),
        (np.full((1, 1), 7, np.uint8), "blank"),
        (grain(np.full((100, 100), 200, np.uint8), 4), "blank|noisy|loops"),
        (vignette(np.full((200, 200), 220, np.uint8)), "blank"),
        (cv2.circle(np.full((300, 300), 255, np.uint8), (80, 90), 2, 0, -1), "blank"),
        (np.random.default_rng(0).integers(0, 256, (120, 120), np.uint8), "noisy|loops"),
        (several(), "several"),
        (disc(), "more ink"),
        (net(), "loops"),
    ],
)
def test_what_is_no_digit_is_said(picture, reason):
    trouble = normalise(picture).trouble

    assert any(word in trouble for word in reason.split("|"))
    assert "\n" not in trouble


def test_a_page_with_nothing_but_a_line_is_normalise():
    page = np.full((100, 200), 240, np.uint8)
    page[50:52] = 100
    assert normalise(page).image.any()


anything = arrays.arrays(
    np.uint8,
    st.one_of(
        st.tuples(st.integers(1, 70), st.integers(1, 70)),
        st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)),
        st.sampled_from([(1, 300), (300, 1), (2, 1100), (1100, 2), (64, 64), (65, 49)]),
    ),
    elements=st.one_of(st.sampled_from([0, 255]), st.integers(0, 255)),
    fill=st.integers(0, 255),
)


@settings(max_examples=150, deadline=None)
@given(anything)
def test_any_array_becomes_a_centred_picture_or_is_blank(picture):
    before = picture.copy()

    normalised = normalise(picture)

    assert normalised.image.shape == (SIDE, SIDE)
    assert normalised.image.dtype == np.uint8
    assert np.array_equal(picture, before)
    if not normalised.image.any():
        assert normalised.trouble
        return
    moments = cv2.moments(normalised.image)
    assert abs(moments["m10"] / moments["m00"] - SIDE / 2) < 6
    assert abs(moments["m01"] / moments["m00"] - SIDE / 2) < 6


@pytest.mark.parametrize(
    ("height", "paper", "marks"),
    [
        (234, 137, {138: 65, 148: 219, 189: 93}),
        (193, 214, {81: 203, 117: 224}),
    ],
)
def test_a_strip_of_pixels_of_which_nothing_is_left_is_blank(height, paper, marks):
    strip = np.full((height, 1), paper, np.uint8)
    strip[list(marks), 0] = list(marks.values())
    normalised = normalise(strip)
    assert not normalised.image.any()
    assert normalised.trouble.startswith("blank")
    assert normalised.steps[-1] == ("seen", normalised.image)
    assert normalised.extent == 0


@pytest.mark.parametrize(("height", "sides"), [(300, [QUICK_SIDE]), (50, [QUICK_SIDE, FULL_SIDE])])
def test_a_jpeg_is_decoded_in_full_only_for_a_small_digit(tmp_path, height, sides):
    page = Image.new("L", (600, 500), 235)
    box = (90, 90, 90 + height // 2, 90 + height)
    ImageDraw.Draw(page).ellipse(box, outline=20, width=height // 15)
    page.save(tmp_path / "x.jpg", quality=95)
    used = []

    def open_picture(min_side):
        used.append(min_side)
        return read_picture(tmp_path / "x.jpg", min_side)

    picture, (normalised, *_) = decode_and_normalise(open_picture)

    assert used == sides
    assert max(picture.pixels.shape) == (300 if len(sides) == 1 else 600)
    assert np.array_equal(normalised.image, normalise(picture.pixels).image)
    in_full = normalise(np.asarray(page)).image
    assert np.corrcoef(normalised.image.ravel(), in_full.ravel())[0, 1] > 0.85
