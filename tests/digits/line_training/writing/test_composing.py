"""Lines composed for the network that reads them: what is written, and what their labels say."""

import cv2
import numpy as np
from support.kept import assert_as_kept

from pipeline.digits.line_training.writing import composing
from pipeline.digits.line_training.writing.composing import WIDTH, Stock, Style, compose_lines
from pipeline.digits.recognition.lines.format import (
    APART,
    HEIGHT,
    NONE,
    STRIDE,
    UNJUDGED,
    digits_of,
)


def plain(monkeypatch, stock, **style):
    """Leave out of how lines are written whatever is not named: blocks on white, well apart."""
    settings = {
        "height": 20.0, "widen": 1.0, "slant": 0.0, "rise": 0.0, "gap": 6.0, "touching": 0.0,
        "unsteady": 0.0, "small_noughts": 1.0, "pen": 0.0,
    }  # fmt: skip
    monkeypatch.setattr(Style, "draw", classmethod(lambda cls, rng: cls(**(settings | style))))
    monkeypatch.setattr(composing, "BENT", composing.Distortion())
    monkeypatch.setattr(composing, "DRAWN_SHARES", (0.0,))
    monkeypatch.setattr(composing, "FRAGMENTED", 0.0)
    monkeypatch.setattr(composing, "BLANK", 0.0)
    monkeypatch.setattr(composing, "CUT", 0.0)
    monkeypatch.setattr(type(stock.papers), "write_on", lambda self, ink, height, rng: 255 - ink)


def objects(strip):
    """Return left edge and width of every object in a strip, from left to right."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((strip < 128).astype(np.uint8))
    return sorted((int(left), int(width)) for left, _, width, _, _ in stats[1:])


def test_every_digit_is_labelled_at_its_middle(monkeypatch, stock):
    plain(monkeypatch, stock)
    monkeypatch.setattr(composing, "invent_line", lambda rng: "90317")
    lines = compose_lines(stock, 20, np.random.default_rng(1))
    assert lines.images.shape == (20, HEIGHT, WIDTH)
    assert lines.labels.shape == (20, WIDTH // STRIDE)
    for strip, labels in zip(lines.images, lines.labels, strict=True):
        assert digits_of(labels) == "90317"
        places = np.flatnonzero(labels < NONE)
        found = objects(strip)
        middles = [left + width / 2 for left, width in found]
        assert np.abs((places + 0.5) * STRIDE - middles).max() <= STRIDE
        assert (labels[places - 1] == UNJUDGED).all()


def test_digits_touch_where_they_shall(monkeypatch, stock):
    plain(monkeypatch, stock, touching=1.0)
    monkeypatch.setattr(composing, "invent_line", lambda rng: "4444")
    lines = compose_lines(stock, 20, np.random.default_rng(1))
    assert np.mean([len(objects(strip)) == 1 for strip in lines.images]) > 0.9
    assert {digits_of(labels) for labels in lines.labels} == {"4444"}


def test_a_digit_counts_as_one_while_most_of_it_is_within_the_edge():
    spans, outcomes = np.array([[10.0, 30.0], [40.0, 60.0], [70.0, 90.0]]), set()
    for seed in range(60):
        strip = np.full((HEIGHT, WIDTH), 255, np.uint8)
        for left, right in spans.astype(int):
            strip[6:26, left:right] = 0
        whole = composing._cut_off(strip, spans, np.random.default_rng(seed))
        seen = [(strip[16, int(left) : int(right)] < 128).sum() for left, right in spans]
        assert sum(width < 20 for width in seen) == (min(seen) < 20)
        least = (1 - composing.MOST_CUT) * 20
        if abs(min(seen) - least) < 1:
            continue  # a matter of rounding
        is_seen = [width > least for width in seen]
        assert spans[whole].tolist() == spans[is_seen].tolist()
        outcomes.add(tuple(is_seen))
    assert outcomes == {(True, True, True), (False, True, True), (True, True, False)}


def test_signs_are_drawn_and_not_labelled(monkeypatch, stock):
    plain(monkeypatch, stock)
    monkeypatch.setattr(composing, "invent_line", lambda rng: "1.2")
    lines = compose_lines(stock, 10, np.random.default_rng(1))
    assert {digits_of(labels) for labels in lines.labels} == {"12"}
    assert any(len(objects(strip)) == 3 for strip in lines.images)


def test_the_same_state_composes_the_same_lines(stock):
    first, again, other = (
        compose_lines(stock, 6, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert first.images.tobytes() == again.images.tobytes()
    assert first.labels.tobytes() == again.labels.tobytes()
    assert first.images.tobytes() != other.images.tobytes()


def test_the_same_seed_lays_in_the_same_stock(stock, blocks):
    again = Stock.lay_in(blocks, 0)
    assert again.papers.prints.tobytes() == stock.papers.prints.tobytes()
    assert all(
        one.tobytes() == two.tobytes() for one, two in zip(again.drawn, stock.drawn, strict=True)
    )


def test_middles_are_never_nearer_than_the_reader_can_tell_apart(stock):
    lines = compose_lines(stock, 300, np.random.default_rng(5))
    gaps = [np.diff(np.flatnonzero(labels < NONE)) for labels in lines.labels]
    assert np.concatenate(gaps).min() >= APART


def test_a_seed_composes_what_it_has_always_composed(monkeypatch, stock):
    monkeypatch.setattr(type(stock.papers), "write_on", lambda self, ink, height, rng: ink)
    lines = compose_lines(stock, 60, np.random.default_rng(7))
    below = np.repeat(20 * lines.labels[:, None], STRIDE, axis=2).repeat(4, axis=1)
    assert_as_kept("lines", np.concatenate([lines.images, below], axis=1), columns=4)
