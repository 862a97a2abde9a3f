"""Numbers: where the digits of a picture are, which of them touch, and what they read."""

import csv
import importlib.util
import sys
from dataclasses import replace
from functools import cache, partial

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.config.places import ROOT
from pipeline.digits.recognition import layout, number
from pipeline.digits.recognition.candidates import Candidate, Group
from pipeline.digits.recognition.choosing import are_several, best_cuts, shapes, usual_widths
from pipeline.digits.recognition.layout import lay_out
from pipeline.digits.recognition.number import read_layouts, recognise_numbers, text_of
from pipeline.digits.recognition.rows import Found


@cache
def drawing():
    """Import the script that draws the sample pictures; it is no module of the package."""
    spec = importlib.util.spec_from_file_location("draw_samples", ROOT / "data/draw_samples.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def written(form, height):
    """Draw a digit of the samples' strokes; its ink alone, (h, w) in 0..1."""
    draw = drawing()
    size = (2 * height, 2 * height)
    sample = draw.Sample("", form, size, draw.FELT, None, height=0.5)
    rng = np.random.default_rng(1)
    cover = draw.ink_cover(sample, draw.write_by_hand(sample, rng), rng)
    x, y, w, h = cv2.boundingRect((cover > 0.3).astype(np.uint8))
    return cover[y : y + h, x : x + w]


FORMS = {
    "0": "0 closed",
    "1": "1 stroke",
    "2": "2 plain",
    "3": "3 round",
    "4": "4 closed",
    "5": "5 one stroke",
    "6": "6 curled",
    "7": "7 plain",
    "8": "8 one stroke",
    "9": "9 straight",
}


def whole(group):
    """Find the candidate that is all of a group."""
    return [each.end - each.first == group.parts for each in group.candidates].index(True)


def blurred(images):
    """Blur images, so that a stroke a little aside is nearly the same."""
    return np.stack([cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.5) for image in images])


class Templates:
    """A classifier that knows the strokes drawn here: the likest one wins."""

    def __init__(self):
        groups = [lay_out(page([(digit, 40, 40, 60)])).lines[0][0] for digit in FORMS]
        self.known = np.stack([group.candidates[whole(group)].image for group in groups])
        self.calls = 0

    def probabilities(self, images):
        self.calls += 1
        near = blurred(images)[:, None] - blurred(self.known)[None]
        logits = -0.02 * np.sqrt((near**2).sum(axis=(2, 3)))
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (likely / likely.sum(axis=1, keepdims=True)).astype(np.float32)


def page(places, size=None):
    """Write digits, (digit, left, top, height), dark on light paper."""
    right = max(left + height for _, left, _, height in places) + 40
    bottom = max(top + height for _, _, top, height in places) + 40
    ink = np.zeros(size or (bottom, right))
    for digit, left, top, height in places:
        cover = written(FORMS[digit], height)
        box = ink[top : top + cover.shape[0], left : left + cover.shape[1]]
        np.maximum(box, cover, out=box)
    return np.round(230 - 190 * ink).astype(np.uint8)


def find_digits(picture, classifier, row_reader=None):
    """Find and read the digits of one picture."""
    return read_layouts([lay_out(picture).lines], classifier, row_reader)[0]


def row(digits, top=40, height=60, pitch=80):
    return [(digit, 40 + pitch * place, top, height) for place, digit in enumerate(digits)]


@pytest.fixture(scope="module")
def classifier():
    return Templates()


def test_a_row_is_read_from_the_left(classifier):
    boxes = find_digits(page(row("2705314698")), classifier)
    assert text_of(boxes) == ["2705314698"]
    assert [box.left for box in boxes] == sorted(box.left for box in boxes)
    assert {box.line for box in boxes} == {0}


def test_boxes_lie_around_the_ink(classifier):
    left, right = find_digits(page([("8", 50, 60, 70), ("3", 200, 60, 70)]), classifier)
    height, width = written(FORMS["8"], 70).shape
    assert (left.left, left.top) == pytest.approx((50, 60), abs=2)
    assert (left.width, left.height) == pytest.approx((width, height), abs=4)
    assert right.left == pytest.approx(200, abs=2)


def test_confidence_and_the_second_choice_are_the_classifiers(classifier):
    (box,) = find_digits(page(row("4")), classifier)
    (group,) = lay_out(page(row("4"))).lines[0]
    answers = classifier.probabilities(np.stack([each.image for each in group.candidates]))
    answer = answers[whole(group)]
    assert box.confidence == pytest.approx(answer.max())
    assert box.second == np.argsort(answer)[-2]
    assert box.second_confidence == pytest.approx(np.sort(answer)[-2])


def test_lines_are_read_from_the_top(classifier):
    boxes = find_digits(page(row("305") + row("47", top=150) + row("9126", top=260)), classifier)
    assert text_of(boxes) == ["305", "47", "9126"]
    assert [box.line for box in boxes] == [0] * 3 + [1] * 2 + [2] * 4


def test_a_column_is_a_line_a_digit(classifier):
    places = [(digit, 60, 30 + 90 * place, 60) for place, digit in enumerate("70398")]
    assert text_of(find_digits(page(places), classifier)) == list("70398")


def test_a_rising_line_stays_one_line(classifier):
    places = [(digit, 40 + 80 * i, 150 - 14 * i, 60) for i, digit in enumerate("36208974")]
    assert text_of(find_digits(page(places), classifier)) == ["36208974"]


@pytest.mark.parametrize("height", [24, 60, 160])
def test_any_size_is_read(classifier, height):
    places = [(digit, 20 + int(1.3 * height) * i, 20, height) for i, digit in enumerate("4803")]
    assert text_of(find_digits(page(places), classifier)) == ["4803"]


def test_lines_of_different_sizes_are_read(classifier):
    places = row("36", height=120, pitch=150) + row("8052", top=220, height=44, pitch=70)
    assert text_of(find_digits(page(places), classifier)) == ["36", "8052"]


def test_light_on_dark_is_read(classifier):
    assert text_of(find_digits(255 - page(row("6358")), classifier)) == ["6358"]


def touching(digits, height=80, overlap=3):
    """Write digits so close that their ink meets."""
    left, places = 40, []
    for digit in digits:
        places.append((digit, left, 40, height))
        left += written(FORMS[digit], height).shape[1] - overlap
    return page(places)


@pytest.mark.parametrize("digits", ["38", "83", "68", "86", "2083"])
def test_touching_digits_are_separated(classifier, digits):
    picture = touching(digits)
    parts, _ = cv2.connectedComponents((picture < 140).astype(np.uint8))
    assert parts - 1 < len(digits), "the picture does not show what it should"
    assert text_of(find_digits(picture, classifier)) == [digits]


def test_a_narrow_digit_between_two_touching_ones_is_cut_on_both_sides(classifier):
    picture = touching("717", overlap=11)
    parts, _ = cv2.connectedComponents((picture < 140).astype(np.uint8))
    assert parts == 2, "the picture does not show what it should"
    assert text_of(find_digits(picture, classifier)) == ["717"]


def mark(picture, start, end, width=6):
    cv2.line(picture, start, end, 40, width, cv2.LINE_AA)


def test_the_separators_of_a_date_are_no_digits(classifier):
    slashes, dots, dashes = (page(row("12 04 26".replace(" ", "0"))) for _ in range(3))
    for picture in (slashes, dots, dashes):
        for place in (2, 5):
            left = 40 + 80 * place - 8
            picture[:, left : left + 80] = 230
    for left in (205, 445):
        mark(slashes, (left, 111), (left + 26, 34))
        mark(dots, (left + 10, 97), (left + 10, 97), 9)
        mark(dashes, (left, 72), (left + 24, 72))
    for picture in (slashes, dots, dashes):
        assert text_of(find_digits(picture, classifier)) == ["120426"]


def test_a_slash_between_digits_that_lean_as_it_does_is_no_digit(classifier):
    upright = page(row("120426"), size=(140, 560))
    lean = np.array([[1, -0.3, 30], [0, 1, 0]])
    picture = cv2.warpAffine(upright, lean, upright.shape[::-1], borderValue=230)
    for left in (182, 342):
        mark(picture, (left, 111), (left + 26, 34))
    assert text_of(find_digits(picture, classifier)) == ["120426"]


def test_ones_that_lean_in_many_ways_are_no_slashes(classifier):
    picture = page(row("5"), size=(140, 700))
    for place, (lean, height) in enumerate(
        [(-8, 60), (40, 62), (3, 58), (20, 72), (0, 60), (6, 61)]
    ):
        left = 140 + 80 * place
        mark(picture, (left, 100), (left + lean, 100 - height))
    mark(picture, (640, 100), (640, 40))
    assert [len(line) for line in text_of(find_digits(picture, classifier))] == [8]


def test_a_long_row_under_uneven_light_is_read_to_its_end(classifier):
    picture = page(row("2705314698"))
    grain = np.random.default_rng(0).normal(0, 3, picture.shape)
    for ends in ((0.7, 1), (1, 0.7), (1, 0.6)):
        light = np.linspace(*ends, picture.shape[1])
        lit = (picture * light + grain).clip(0, 255).astype(np.uint8)
        assert text_of(find_digits(lit, classifier)) == ["2705314698"]


def test_a_leaning_stroke_at_an_end_of_a_line_is_a_digit(classifier):
    picture = page(row("5083"), size=(180, 500))
    for left in (8, 420):
        mark(picture, (left, 111), (left + 26, 34))
    assert [len(line) for line in text_of(find_digits(picture, classifier))] == [6]


def test_rules_frames_and_specks_are_no_digits(classifier):
    picture = page(row("5083"), size=(180, 420))
    mark(picture, (30, 130), (390, 132), 3)
    mark(picture, (176, 25), (194, 150), 3)
    cv2.rectangle(picture, (8, 8), (411, 171), 40, 3)
    for x in range(60, 400, 50):
        mark(picture, (x, 20), (x + 2, 21), 3)
    assert text_of(find_digits(picture, classifier)) == ["5083"]


def test_an_upright_rule_between_columns_is_no_digit(classifier):
    picture = page([("5", 40, 60, 60), ("0", 180, 60, 60)], size=(180, 280))
    mark(picture, (140, 30), (140, 150), 3)
    assert text_of(find_digits(picture, classifier)) == ["50"]


def test_a_picture_that_breaks_the_search_is_an_error_of_its_own(classifier, tmp_path, monkeypatch):
    Image.fromarray(page(row("36"))).save(tmp_path / "a.png")

    def out_of_memory(_):
        raise MemoryError("no room")

    monkeypatch.setattr(number, "lay_out", out_of_memory)
    (answer,) = recognise_numbers(
        [tmp_path / "a.png"], tmp_path, classifier, unsure_below=0.0, chunk_size=256
    )
    assert (answer.status, answer.detail) == ("error", "cannot be read: MemoryError: no room")


@pytest.mark.parametrize("left", [6, 36])
def test_the_separate_bar_of_a_five_belongs_to_it(classifier, left):
    picture = page(row("858"))
    height, width = written(FORMS["5"], 60).shape
    picture[40:54, 120 : 120 + width] = 230
    mark(picture, (123 + left, 44), (139 + left, 43))
    boxes = find_digits(picture, classifier)
    assert len(boxes) == 3
    assert boxes[1].top == pytest.approx(41, abs=3)
    assert boxes[1].top + boxes[1].height == pytest.approx(40 + height, abs=3)


def test_a_broken_stroke_stays_one_digit(classifier):
    picture = page(row("828"))
    picture[84:88, 120:180] = 230
    boxes = find_digits(picture, classifier)
    assert text_of(boxes) == ["828"]
    assert boxes[1].height == pytest.approx(written(FORMS["2"], 60).shape[0], abs=4)


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (300, 500, 3)])
def test_a_blank_picture_holds_no_digit(classifier, shape):
    assert find_digits(np.full(shape, 200, np.uint8), classifier) == []


def test_what_is_too_much_for_one_picture_is_told(classifier, tmp_path, monkeypatch):
    Image.fromarray(page(row("5083"))).save(tmp_path / "a.png")
    read = partial(
        recognise_numbers,
        [tmp_path / "a.png"],
        tmp_path,
        classifier,
        unsure_below=0,
        chunk_size=256,
    )
    (whole,) = read()
    monkeypatch.setattr(layout, "MOST_PARTS", 3)
    (part,) = read()
    assert (whole.status, whole.detail) == ("ok", "")
    assert (part.status, len(part.digits)) == ("unsure", 3)
    assert part.detail == "too much for one picture; marks left out: 1"


@pytest.mark.parametrize("shape", [(28, 2000), (60, 400), (200, 300), (700, 700)])
def test_noise_is_told_of(shape):
    rng = np.random.default_rng(0)
    grain = rng.normal(128, 30, shape).clip(0, 255).astype(np.uint8)
    for noise in (rng.integers(0, 256, shape, dtype=np.uint8), grain):
        assert lay_out(noise).trouble.startswith("too noisy")
    assert not lay_out(page(row("5083"))).trouble


def written_small(digit):
    """Return a digit as the network sees it."""
    group = lay_out(page(row(digit))).lines[0][0]
    return group.candidates[whole(group)].image


def group_of(*runs, parts, image):
    """Make a group whose candidates all look the same; runs are (first, end, cost)."""
    return Group(parts, tuple(Candidate(a, b, 0, 0, 9, 20, image, cost) for a, b, cost in runs))


def sure(*confidences):
    return np.array(
        [[(1 - each) / 9] * 3 + [each] + [(1 - each) / 9] * 6 for each in confidences], np.float32
    )


def test_the_best_read_way_through_the_cuts_is_taken():
    runs = [(0, 1, 0.0), (1, 2, 0.0), (2, 3, 0.0), (0, 2, 0.0), (1, 3, 0.0)]
    group = group_of(*runs, parts=3, image=written_small("3"))
    assert best_cuts(group, sure(0.999999, 0.5, 0.5, 0.5, 0.999999)) == [0, 4]
    assert best_cuts(group, sure(0.5, 0.5, 0.999999, 0.999999, 0.5)) == [3, 2]


def test_a_costly_cut_is_avoided():
    confidences = sure(0.999999, 0.999999, 0.5)
    for cost, chosen in [(0.0, [0, 1]), (5.0, [2])]:
        runs = [(0, 1, cost), (1, 2, cost), (0, 2, 0.0)]
        group = group_of(*runs, parts=2, image=written_small("3"))
        assert best_cuts(group, confidences) == chosen


def test_a_candidate_that_does_not_look_like_what_it_reads_is_avoided():
    three, pair = written_small("3"), np.hstack([written_small("3")[:, ::2]] * 2)
    for image, chosen in [(three, [2]), (pair, [0, 1])]:
        group = group_of((0, 1, 0.0), (1, 2, 0.0), (0, 2, 0.0), parts=2, image=three)
        group = replace(
            group, candidates=(*group.candidates[:2], replace(group.candidates[2], image=image))
        )
        assert best_cuts(group, sure(0.9999, 0.9999, 0.9999)) == chosen


def found(*confidences, none=0.5):
    """Make digits found along a row: how likely each is a 3; of the rest a share is for none."""
    rest = np.array([1 - each for each in confidences])
    tables = np.zeros((len(confidences), 11), np.float32)
    tables[:, 3], tables[:, 10], tables[:, 4] = confidences, none * rest, (1 - none) * rest
    return [Found(5 * place, table) for place, table in enumerate(tables)]


@pytest.mark.parametrize(
    ("along", "whole_is", "several"),
    [
        (found(0.9, 0.9), 0.2, True),  # both sure, and as one it looks like nothing
        (found(0.9, 0.9), 0.999, False),  # but as one it looks like a digit
        (found(0.9, 0.5, none=1.0), 0.2, False),  # there may as well be none
        (found(0.999, 0.999, 0.999), 0.9, True),
        (found(0.99), 0.2, False),
        (found(), 0.2, False),
    ],
)
def test_several_digits_need_more_to_speak_for_them_than_one(along, whole_is, several):
    group = group_of((0, 1, 0.0), parts=1, image=written_small("3"))
    assert are_several(along, group, sure(whole_is)) == several


def test_what_is_too_wide_for_a_digit_is_several_if_several_are_found():
    group = group_of((0, 1, 0.0), (1, 2, 0.0), parts=2, image=written_small("3"))
    assert are_several(found(0.4, 0.4), group, sure(0.99, 0.99))
    assert not are_several(found(0.9), group, sure(0.99, 0.99))


def test_a_one_is_the_narrowest_digit():
    widths = usual_widths(range(10))
    assert np.argmin(widths) == 1
    assert min(widths) < 0.5 < sorted(widths)[1]


class AlongRows:
    """A reader of rows that finds what it was told, evenly spread over the row."""

    def __init__(self, digits):
        self.digits = digits
        self.rows = []

    def read(self, row):
        self.rows.append(row)
        tables = 0.97 * np.eye(11, dtype=np.float32)[[int(digit) for digit in self.digits]]
        tables[:, 10] = 0.03
        step = (row.shape[1] - 12) / 2 / max(1, len(self.digits))
        return [Found(int(3 + (place + 0.5) * step), table) for place, table in enumerate(tables)]


@pytest.mark.parametrize("digits", ["38", "86"])
def test_touching_digits_are_read_along_the_row(classifier, digits):
    reader = AlongRows("47")
    boxes = find_digits(touching(digits), classifier, reader)
    assert text_of(boxes) == [reader.digits]
    assert len(reader.rows) == 1
    assert {round(box.confidence, 3) for box in boxes} == {0.97}
    cut = find_digits(touching(digits), classifier)
    for box, other in zip(boxes, cut, strict=True):
        assert box.left + box.width / 2 == pytest.approx(other.left + other.width / 2, abs=12)
        assert (box.top, box.height) == pytest.approx((other.top, other.height), abs=6)


def test_what_may_be_no_digit_of_its_own_is_told_as_that(classifier):
    box = find_digits(touching("38"), classifier, AlongRows("47"))[0]
    assert box.none == pytest.approx(0.03)
    assert box.doubt == "the 4 may be no digit of its own"
    assert replace(box, second=9, second_confidence=0.1).doubt == "the 4 could also be a 9"


def test_a_digit_alone_is_left_to_the_classifier(classifier):
    reader = AlongRows("7")
    boxes = find_digits(page(row("2705314698")), classifier, reader)
    assert text_of(boxes) == ["2705314698"]
    assert 0 < len(reader.rows) < 10, "narrow digits cannot be several"


def test_the_steps_show_what_is_read_as_rows():
    steps = dict(lay_out(touching("38")).steps)
    (group,) = lay_out(touching("38")).lines[0]
    assert np.array_equal(steps["as rows"], group.row.image)
    both = dict(lay_out(page(row("00") + row("0", top=150, height=50))).steps)["as rows"]
    assert both.shape[0] == 3 * 32
    assert "as rows" not in dict(lay_out(page(row("1"))).steps)


def test_a_row_of_one_digit_is_not_cut(classifier):
    (box,) = find_digits(touching("38"), classifier, AlongRows("3"))
    assert box.width > box.height, "all of it is one digit"


def test_where_nothing_is_found_along_a_row_it_is_cut(classifier):
    boxes = find_digits(touching("38"), classifier, AlongRows(""))
    assert text_of(boxes) == ["38"]


def test_shapes_are_measured_as_their_description_says():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 4:8] = 255
    image[0, 4:24, 10:14] = 255
    ((aspect, in_rows, in_columns),) = shapes(image)
    assert aspect == pytest.approx(np.log(8 / 20))  # eight columns hold ink
    assert (in_rows, in_columns) == (2, 1)


def test_files_become_predictions_in_order(classifier, tmp_path):
    large = cv2.resize(page(row("36")), None, fx=8, fy=8)
    Image.fromarray(large).save(tmp_path / "a.png")
    Image.fromarray(page(row("47") + row("8", top=150))).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no picture")
    Image.fromarray(np.full((50, 50), 255, np.uint8)).save(tmp_path / "d.png")
    paths = sorted(tmp_path.iterdir())
    first, second, broken, blank = recognise_numbers(
        paths, tmp_path, classifier, unsure_below=0.0, chunk_size=3
    )
    assert (first.file, first.digit, first.status) == ("a.png", "36", "ok")
    assert first.digits[0].left == pytest.approx(8 * 40, abs=16), "boxes are in the file's pixels"
    assert first.size == large.shape[::-1]
    assert (second.digit, second.status) == ("47 8", "ok")
    assert second.confidence == min(box.confidence for box in second.digits)
    assert (broken.digit, broken.status) == (None, "error")
    assert "not a picture" in broken.detail
    assert (blank.digit, blank.status, blank.detail) == (None, "unsure", "no digit found")


class Hesitant(Templates):
    """Templates that are never sure."""

    def probabilities(self, images):
        return 0.5 * super().probabilities(images) + np.float32(0.05)


def test_a_doubtful_digit_makes_the_number_unsure(tmp_path):
    Image.fromarray(page(row("36"))).save(tmp_path / "a.png")
    paths = [tmp_path / "a.png"]
    (answer,) = recognise_numbers(paths, tmp_path, Hesitant(), unsure_below=0.9, chunk_size=256)
    assert (answer.digit, answer.status) == ("36", "unsure")
    assert "could also be" in answer.detail
    assert all(answer.doubts)
    (answer,) = recognise_numbers(paths, tmp_path, Hesitant(), unsure_below=0.5, chunk_size=256)
    assert (answer.status, answer.doubts) == ("ok", ("", ""))


def test_a_chunk_is_classified_at_once(tmp_path):
    for name in "abcd":
        Image.fromarray(page(row("36"))).save(tmp_path / f"{name}.png")
    templates = Templates()
    list(
        recognise_numbers(
            sorted(tmp_path.iterdir()), tmp_path, templates, unsure_below=0, chunk_size=2
        )
    )
    assert templates.calls == 2


def test_the_annotated_picture_shows_every_digit_in_its_box():
    from matplotlib.patches import FancyBboxPatch

    from pipeline.plots.predict_custom import DigitMark, PredictionItem, prediction_grid
    from pipeline.plots.style.look import BLUE, VERMILLION

    marks = [DigitMark((0.1, 0.2, 0.2, 0.5), 4, True), DigitMark((0.5, 0.2, 0.2, 0.5), 7, False)]
    picture = np.full((100, 200), 255, np.uint8)
    item = PredictionItem("a.png", picture, None, "47", 0.4, "unsure", "", "4 7", marks)
    assert item.right
    assert not item.wrong
    axes = prediction_grid([item]).axes[0]
    drawn = {text.get_text(): text for text in axes.texts}
    assert {"47?", "4", "7", "✓"} <= set(drawn)
    (image,) = axes.images
    left, right, bottom, top = image.get_extent()
    sizes = {(p.get_x(), p.get_y()): p for p in axes.patches if isinstance(p, FancyBboxPatch)}
    for mark, color in zip(marks, (BLUE, VERMILLION), strict=True):
        x, y, w, h = mark.box
        at = left + x * (right - left), top + y * (bottom - top)
        (box,) = [patch for place, patch in sizes.items() if place == pytest.approx(at)]
        assert box.get_width() == pytest.approx(w * (right - left))
        assert box.get_height() == pytest.approx(h * (bottom - top))
        text = drawn[str(mark.digit)]
        assert text.get_position()[0] == pytest.approx(at[0] + box.get_width() / 2)
        assert text.get_bbox_patch().get_facecolor() == pytest.approx(box_color(color))


def box_color(name):
    from matplotlib.colors import to_rgba

    return to_rgba(name)


def test_both_tables_are_written(classifier, tmp_path):
    from pipeline.stages.prediction_files import write_predictions

    Image.fromarray(page(row("47") + row("8", top=150))).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    paths = sorted(tmp_path.iterdir())
    answers = recognise_numbers(paths, tmp_path, classifier, unsure_below=0.0, chunk_size=256)
    tally = write_predictions(tmp_path, answers, {"a.png": "4 78", "b.png": "1"}, 2, 9)
    with (tmp_path / "predictions.csv").open(newline="") as file:
        pictures = list(csv.DictReader(file))
    assert [(each["digit"], each["status"]) for each in pictures] == [("47 8", "ok"), ("", "error")]
    with (tmp_path / "numbers.csv").open(newline="") as file:
        digits = list(csv.DictReader(file))
    places = [(each["line"], each["position"], each["digit"], each["status"]) for each in digits]
    assert places == [
        ("0", "0", "4", "ok"),
        ("0", "1", "7", "ok"),
        ("1", "0", "8", "ok"),
        ("", "", "", "error"),
    ]
    assert int(digits[0]["left"]) == pytest.approx(40, abs=2)
    assert tally.metrics()["custom_accuracy"] == 0.5
