import pytest

from pipeline.plots.style.text import (
    clean,
    join_shortened,
    label_height,
    shorten,
    spread_labels,
    text_width,
    wrap,
    wrap_at_most,
)


def test_shortened_names_fit_and_keep_beginning_and_end() -> None:
    name = "scan_of_my_homework_page_17_second_try.png"
    short = shorten(name, 1.5, 10)
    assert text_width(short, 10) <= 1.5
    assert short.startswith("scan")
    assert short.endswith(".png")
    assert "…" in short
    assert shorten("7.png", 1.5, 10) == "7.png"
    assert shorten(name, 0.0, 10) == "…"


def test_two_names_are_shortened_only_where_they_do_not_fit_together() -> None:
    names = ("T-shirt/top", "Coat")
    whole = "T-shirt/top → Coat"
    assert join_shortened(names, " → ", text_width(whole, 10), 10) == whole
    short = join_shortened(names, " → ", 1.0, 10)
    assert text_width(short, 10) <= 1.0
    first, second = short.split(" → ")
    assert (first[0], first[-1], second) == ("T", "p", "Coat")
    assert "…" in first


def test_what_the_font_cannot_draw_becomes_a_box() -> None:
    assert clean("é七\n\udcff$x$") == "é□□□$x$"


def test_wrapped_lines_fit_and_lose_no_word() -> None:
    words = "the quick brown fox jumps over the lazy dog " * 3
    lines = wrap(words, 2.0, 12)
    assert max(text_width(line, 12) for line in lines) <= 2.0
    assert " ".join(lines).split() == words.split()
    two = wrap_at_most(words, 2, 2.0, 12)
    assert len(two) == 2
    assert two[1].endswith("…")


@pytest.mark.parametrize("words", ["of the best, 98.44 %", "of the best, 98.44 %, and so on"])
def test_a_line_never_begins_with_a_percent_sign(words: str) -> None:
    for tenths in range(5, 30):
        assert not [line for line in wrap(words, tenths / 10, 12) if line.startswith("%")]


def test_labels_stand_upright_only_where_they_would_touch() -> None:
    assert spread_labels(["a", "b"], 1.0, 12) == (["a", "b"], 0)
    labels, rotation = spread_labels(["a", "a name as long as this"], 1.0, 12)
    assert rotation == 90
    assert label_height(labels, rotation, 12) == max(text_width(label, 12) for label in labels)
    assert label_height(labels, rotation, 12) <= 1.2
    assert label_height(labels, 0, 12) < 0.3
