"""What a picture of a digit becomes does not depend on pen, paper, light, size or place."""

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.digits.preprocessing.form import BOX, SIDE, stroke_width
from pipeline.digits.preprocessing.ink import flatten, ink_is_dark, to_gray
from pipeline.digits.preprocessing.normalise import normalise, read

# Digits as strokes, in a box of 1 x 1.
STROKES = {
    2: [[(0.1, 0.25), (0.3, 0.03), (0.7, 0.03), (0.9, 0.25), (0.1, 0.97), (0.9, 0.97)]],
    3: [[(0.1, 0.1), (0.6, 0.03), (0.8, 0.25), (0.4, 0.48), (0.85, 0.7), (0.6, 0.97), (0.1, 0.9)]],
    4: [[(0.45, 0.03), (0.1, 0.6), (0.9, 0.6)], [(0.65, 0.3), (0.65, 0.97)]],
    5: [[(0.8, 0.03), (0.25, 0.03), (0.2, 0.45), (0.75, 0.5), (0.8, 0.85), (0.2, 0.95)]],
    7: [[(0.1, 0.05), (0.9, 0.05), (0.4, 0.97)], [(0.3, 0.5), (0.75, 0.5)]],
}


def draw(digit, *, side=200, height=120.0, pen=10.0, ink=20, paper=240, at=(0.5, 0.5)):
    """Draw a digit's strokes, uint8 (side, side), smooth, its box centred at `at`."""
    canvas = np.full((side, side), 0, np.uint8)
    box = np.array([0.7 * height, height])
    corner = np.array(at) * side - box / 2
    for stroke in STROKES[digit]:
        points = np.round((corner + np.array(stroke) * box) * 16).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, max(1, round(pen)), cv2.LINE_AA, 4)
    share = canvas.astype(np.float32) / 255
    return np.round(paper + share * (ink - paper)).astype(np.uint8)


def likeness(one, other):
    """Correlate two pictures after a small blur, wherever within a pixel they fit best."""
    soft = [cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.8) for image in (one, other)]
    wide = cv2.copyMakeBorder(soft[0], 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return float(cv2.matchTemplate(wide, soft[1], cv2.TM_CCOEFF_NORMED).max())


@pytest.fixture(params=STROKES)
def digit(request):
    return request.param


@pytest.fixture
def usual(digit):
    return normalise(draw(digit))


def shadow(picture, depth=0.6):
    ramp = np.linspace(-6, 6, picture.shape[1])
    light = 1 - depth / (1 + np.exp(-ramp))
    return (picture * light).astype(np.uint8)


def vignette(picture, depth=0.6):
    across = np.linspace(-1, 1, picture.shape[1]) ** 2
    down = np.linspace(-1, 1, picture.shape[0])[:, None] ** 2
    return (picture * (1 - depth * (across + down) / 2)).astype(np.uint8)


def jpeg(picture, quality=20):
    _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)


def grain(picture, amount=8.0):
    noise = np.random.default_rng(0).normal(0, amount, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def squared(picture, tone=150):
    marked = picture.copy()
    for place in range(12, len(picture), 36):
        marked[place : place + 2] = np.minimum(marked[place : place + 2], tone)
        marked[:, place : place + 2] = np.minimum(marked[:, place : place + 2], tone)
    return marked


def lined(picture, tone=60):
    marked = picture.copy()
    for place in range(12, len(picture), 36):
        marked[place : place + 2] = np.minimum(marked[place : place + 2], tone)
    return marked


def framed(picture):
    marked = picture.copy()
    cv2.rectangle(marked, (6, 6), (193, 193), 20, 3)
    return marked


def table_edge(picture):
    marked = picture.copy()
    marked[:, -14:] = 60
    marked[:9] = 40
    return marked


def specks(picture):
    marked = picture.copy()
    for x, y in np.random.default_rng(1).integers(4, 196, (12, 2)).tolist():
        cv2.circle(marked, (x, y), 1, 60, -1)
    return marked


def colored(ink, paper):
    def paint(picture):
        share = (240 - picture.astype(np.float32))[..., None] / 220
        return np.clip(np.array(paper) + share * (np.array(ink) - paper), 0, 255).astype(np.uint8)

    return paint


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
    assert likeness(normalise(CHANGES[change](draw(digit))), usual) > bound


@pytest.mark.parametrize("at", [(0.3, 0.35), (0.7, 0.6), (0.5, 0.33)])
def test_place_does_not_matter(at, digit, usual):
    assert likeness(normalise(draw(digit, at=at)), usual) > 0.97


@pytest.mark.parametrize("side", [28, 60, 400, 1000])
def test_size_does_not_matter(side, digit, usual):
    picture = draw(digit, side=side, height=0.6 * side, pen=0.05 * side)

    assert likeness(normalise(picture), usual) > 0.93


@pytest.mark.parametrize("pen", [2, 5, 18])
def test_pen_width_does_not_matter(pen, digit, usual):
    assert likeness(normalise(draw(digit, pen=pen)), usual) > 0.88


def test_a_small_digit_on_a_large_sheet_is_found(digit, usual):
    picture = draw(digit, side=1000, height=80, pen=5, at=(0.8, 0.3))

    assert likeness(normalise(picture), usual) > 0.93


def test_lines_from_top_to_bottom_are_dropped_too(digit, usual):
    assert likeness(normalise(np.ascontiguousarray(lined(draw(digit).T).T)), usual) > 0.8


@pytest.mark.parametrize("side", [200, 400, 1000])
def test_the_extent_is_in_pixels_of_the_picture(side, digit):
    reading = read(draw(digit, side=side, height=0.6 * side, pen=0.05 * side))

    assert reading.extent == pytest.approx(0.65 * side, abs=0.06 * side)


def test_a_thin_faint_pen_on_a_large_sheet_is_seen(digit, usual):
    picture = draw(digit, side=800, height=480, pen=2, ink=170)

    assert likeness(normalise(picture), usual) > 0.75


@pytest.mark.parametrize("inverted", [False, True])
def test_a_digit_that_fills_its_frame_stays_whole(inverted, digit, usual):
    whole = draw(digit)
    ys, xs = np.nonzero(whole < 200)
    tight = whole[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    scale = 16 / max(tight.shape)
    small = cv2.resize(tight, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)

    assert likeness(normalise(255 - small if inverted else small), usual) > 0.85


@pytest.mark.parametrize("times", [3, 20])
def test_repeated_pixels_are_no_strokes(times, digit):
    small = cv2.resize(draw(digit, pen=14), (16, 16), interpolation=cv2.INTER_AREA)
    enlarged = small.repeat(times, axis=0).repeat(times, axis=1)

    assert np.array_equal(normalise(enlarged), normalise(small))
    assert np.array_equal(normalise(np.dstack([enlarged] * 3)), normalise(small))


def test_a_pen_thicker_than_any_light_is_even_leaves_no_holes():
    bar = np.full((200, 200), 240, np.uint8)
    bar[20:180, 50:150] = 20

    assert (flatten(bar)[25:175, 55:145] > 200).all()


def test_broken_strokes_are_kept_together(digit, usual):
    picture = draw(digit)
    picture[95:101] = 240

    assert likeness(normalise(picture), usual) > 0.9


def test_a_picture_in_mnist_form_comes_out_unchanged(usual):
    assert np.array_equal(normalise(usual), usual)
    assert np.array_equal(normalise(255 - usual), usual)


def test_the_form_is_mnist(digit):
    image = normalise(draw(digit, at=(0.3, 0.4)))
    _, _, width, height = cv2.boundingRect(image)
    moments = cv2.moments(image)

    assert max(width, height) in (BOX, BOX + 1)
    assert moments["m10"] / moments["m00"] == pytest.approx(SIDE / 2, abs=0.6)
    assert moments["m01"] / moments["m00"] == pytest.approx(SIDE / 2, abs=0.6)
    assert 0.1 < np.mean((image > 30) & (image < 220)) / np.mean(image > 0) < 0.9
    assert 1.3 * 4 < stroke_width(cv2.resize(image, None, fx=4, fy=4)) < 3.8 * 4


def test_steps_end_with_what_the_network_sees(digit):
    reading = read(draw(digit))

    assert reading.trouble == ""
    assert reading.steps[0][0] == "picture"
    assert reading.steps[-1][0] == "seen"
    assert reading.steps[-1][1] is reading.image
    assert all(np.ptp(picture) > 100 for _, picture in reading.steps)


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
    trouble = read(picture).trouble

    assert any(word in trouble for word in reason.split("|"))
    assert "\n" not in trouble


def test_a_page_with_nothing_but_a_line_is_read():
    page = np.full((100, 200), 240, np.uint8)
    page[50:52] = 100
    assert read(page).image.any()


def test_polarity_of_strokes_not_of_light(digit):
    dark = draw(digit)

    assert ink_is_dark(shadow(dark, 0.8))
    assert not ink_is_dark(255 - shadow(dark, 0.8))


def test_polarity_of_faint_strokes_under_a_vignette(digit):
    faint = vignette(draw(digit, pen=8, ink=140), 0.9)

    assert ink_is_dark(faint)
    assert not ink_is_dark(255 - faint)


def test_flattening_leaves_only_ink(digit):
    even, shaded = flatten(draw(digit)), flatten(vignette(shadow(draw(digit), 0.5)))

    assert np.abs(even.astype(int) - shaded)[draw(digit) > 235].mean() < 6
    assert shaded[draw(digit) < 30].mean() > 180


def test_grey_pictures_stay_as_they_are(digit):
    picture = draw(digit)

    assert to_gray(picture) is picture
    assert np.abs(to_gray(np.dstack([picture] * 3)).astype(int) - picture).max() <= 1


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

    reading = read(picture)

    assert reading.image.shape == (SIDE, SIDE)
    assert reading.image.dtype == np.uint8
    assert np.array_equal(picture, before)
    if not reading.image.any():
        assert reading.trouble
        return
    moments = cv2.moments(reading.image)
    assert abs(moments["m10"] / moments["m00"] - SIDE / 2) < 6
    assert abs(moments["m01"] / moments["m00"] - SIDE / 2) < 6


@pytest.mark.parametrize(
    ("height", "paper", "marks"),
    [
        (193, 157, {45: 63, 53: 200, 29: 251}),
        (324, 133, {223: 154, 201: 180, 7: 85}),
    ],
)
def test_a_strip_of_pixels_of_which_nothing_is_left_is_blank(height, paper, marks):
    strip = np.full((height, 1), paper, np.uint8)
    strip[list(marks), 0] = list(marks.values())
    reading = read(strip)
    assert not reading.image.any()
    assert reading.trouble.startswith("blank")
