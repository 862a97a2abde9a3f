import pytest

from pipeline.plots.style.numbers import (
    confidence_percent,
    counted,
    percent,
    setting_text,
    short_confidence,
    short_number,
    thousands,
)


def test_shares_are_written_as_per_cent() -> None:
    assert percent(0.98441) == "98.44 %"
    assert percent(0.125, decimals=0) == "12 %"


@pytest.mark.parametrize(
    ("share", "words", "short"),
    [
        (0.5, "50 %", "50 %"),
        (0.9949, "99 %", "99 %"),
        (0.995, "99.5 %", "99 %"),
        (0.9961, "99.6 %", "99 %"),
        (0.9995, "99.95 %", "99 %"),
        (0.999999, "99.99 %", "99 %"),
        (1.0, "100 %", "100 %"),
    ],
)
def test_a_confidence_is_never_rounded_to_certainty(share: float, words: str, short: str) -> None:
    assert confidence_percent(share) == words
    assert short_confidence(share) == short


def test_one_thing_is_no_plural() -> None:
    texts = [counted(number, "picture") for number in (0, 1, 2, 1200)]
    assert texts == ["0 pictures", "1 picture", "2 pictures", "1,200 pictures"]


def test_settings_are_written_in_three_digits_if_they_are_no_whole_numbers() -> None:
    texts = [setting_text(value) for value in (0.00033333, 123456, "adam", None, [64, 32])]
    assert texts == ["0.000333", "123456", "adam", "None", "[64, 32]"]


def test_ticks_have_short_labels() -> None:
    numbers = (0.5, 999, 1000, 101_770, 12_340_000)
    assert [short_number(n) for n in numbers] == ["0.5", "999", "1k", "102k", "12.3M"]
    assert thousands(60_000.0) == "60,000"
