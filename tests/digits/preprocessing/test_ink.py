"""Ink is separated from paper whatever the colours, the polarity and the light."""

import numpy as np
import pytest
from support.drawings import STROKES, colored, draw, shadow, vignette

from pipeline.digits.preprocessing.ink import (
    DARKEST_PAPER,
    LUMINANCE,
    _skewness,
    channel_weights,
    flatten,
    ink_is_dark,
    ink_under,
    paper_light,
    to_gray,
    weigh_channels,
)


@pytest.fixture(params=STROKES)
def digit(request):
    return request.param


def test_a_pen_thicker_than_any_light_is_even_leaves_no_holes():
    bar = np.full((200, 200), 240, np.uint8)
    bar[20:180, 50:150] = 20

    assert (flatten(bar)[25:175, 55:145] > 200).all()


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


def test_colour_is_weighed_only_where_luminance_hides_the_ink():
    plain = draw(3)
    black_on_grey = np.dstack([plain] * 3)
    blue_on_white = colored((30, 40, 160), (250, 250, 250))(plain)
    same_luminance = colored((200, 40, 40), (30, 122, 60))(plain)

    assert channel_weights(plain) is LUMINANCE
    assert channel_weights(black_on_grey) is LUMINANCE
    assert channel_weights(blue_on_white) is LUMINANCE
    weights = channel_weights(same_luminance)
    assert np.abs(weights).sum() == pytest.approx(1)
    assert weights.sum() > 0  # white stays lighter than black
    assert np.sign(weights[0]) != np.sign(weights[1])  # red against green


def test_negative_weights_start_at_nought():
    red, green = np.zeros((2, 4, 4, 3), np.uint8)
    red[..., 0] = green[..., 1] = 255
    weights = np.array([0.5, -0.5, 0.0])

    assert (weigh_channels(red, weights) == 255).all()
    assert (weigh_channels(green, weights) == 0).all()
    assert np.abs(weigh_channels(np.zeros_like(red), weights) - 127.5).max() <= 0.5


def test_paper_of_one_tone_has_one_light_and_a_shaded_one_a_light_everywhere():
    even = draw(3, paper=240)
    assert paper_light(even) == 240.0
    assert paper_light(np.full((60, 60), 200, np.uint8)) is not None

    shaded = vignette(even)
    light = paper_light(shaded)
    bare = draw(3) == 240
    assert light.shape == even.shape
    assert np.abs(light.astype(float) - shaded)[bare].mean() < 12
    assert light[~bare].min() > 130  # the ink is filled in


def test_ink_is_the_share_of_light_that_it_absorbs():
    paper = np.array([[200, 150, 100, 0]], np.uint8)
    expected = [0, 64, 128, 255]

    assert np.abs(ink_under(200.0, paper).astype(int) - expected).max() <= 1
    everywhere = np.full_like(paper, 200)
    assert np.abs(ink_under(everywhere, paper).astype(int) - expected).max() <= 1


def test_the_noise_of_black_paper_is_no_ink():
    dark = np.array([[4, 0]], np.uint8)
    faint = round(4 * 255 / DARKEST_PAPER)

    assert ink_under(4.0, dark).tolist() == [[0, faint]]
    assert ink_under(np.full_like(dark, 4), dark).tolist() == [[0, faint]]


def test_luminance_weighs_colours_as_opencv_does():
    for channel, weight in enumerate(LUMINANCE):
        pure = np.zeros((2, 2, 3), np.uint8)
        pure[..., channel] = 255
        assert np.abs(weigh_channels(pure, LUMINANCE) - 255 * weight).max() <= 0.5


@pytest.mark.parametrize("side", [40, 200])
def test_as_much_ink_as_paper_is_told_by_corners_and_border(side):
    rows, columns = np.indices((side, side)) - side / 2 + 0.5
    disc = np.hypot(rows, columns) < 0.4 * side
    dark = np.where(disc, 30, 220).astype(np.uint8)
    assert 0.49 < disc.mean() < 0.52
    assert ink_is_dark(dark)
    assert not ink_is_dark(255 - dark)


def test_a_picture_of_one_black_has_a_light():
    assert paper_light(np.zeros((60, 60), np.uint8)).max() == 0


def test_the_skewness_tells_which_values_are_rare_and_is_limited():
    rare = np.zeros((10, 10), np.float32)
    rare[0, 0] = 100
    assert _skewness(rare - 1) == 2.5
    assert _skewness(1 - rare) == -2.5
    assert _skewness(np.zeros((10, 10), np.float32)) == 0
    few = np.repeat(np.float32([-1, 1, 3]), (50, 45, 5))[None]
    few -= few.mean()
    assert _skewness(few) == pytest.approx((few**3).mean() / few.std() ** 3, rel=0.01)


def test_an_axis_orthogonal_to_luminance_keeps_black_black():
    assert weigh_channels(np.zeros((1, 1, 3), np.uint8), np.array([0.0, 0.0, 1.0])) == 0
    assert weigh_channels(np.full((1, 1, 3), 255, np.uint8), np.array([0.0, 0.0, 1.0])) == 255


@pytest.mark.parametrize("turn", range(4))
def test_shading_that_gets_darker_towards_a_side_leaves_no_ink_there(turn):
    wedge = np.tile(np.linspace(250, 110, 200).astype(np.uint8), (200, 1))
    wedge[80:120, 96:104] //= 4
    ink = flatten(np.ascontiguousarray(np.rot90(wedge, turn)))
    upright = np.rot90(ink, -turn)
    assert upright[82:118, 98:102].min() > 150
    upright = upright.copy()
    upright[70:130, 86:114] = 0
    assert upright.max() < 40


def test_a_border_of_paper_on_one_side_only_does_not_turn_the_polarity():
    for turn in range(4):
        half = np.full((60, 60), 220, np.uint8)
        half[:, 30:] = 30  # as much ink as paper, but ink at three sides
        half[:8, 30:] = half[-8:, 30:] = half[8:52, 52:] = 220
        turned = np.ascontiguousarray(np.rot90(half, turn))
        assert ink_is_dark(turned)
        assert not ink_is_dark(255 - turned)


def test_colours_that_show_hardly_more_than_luminance_are_left_alone():
    along = LUMINANCE / np.linalg.norm(LUMINANCE)
    across = np.linalg.svd(along[None])[2][1:]  # two axes of colour, of one luminance
    noise = np.random.default_rng(0).normal(0, 14, (64, 64, 3)) * [1.0, 1.1, 1.1]
    picture = (128 + noise @ np.stack([along, *across])).clip(0, 255).astype(np.uint8)
    assert channel_weights(picture) is LUMINANCE
