"""Numbers as people read them."""

from pipeline.system.formatting import percent, setting_text


def test_a_share_is_written_as_per_cent_with_two_decimals():
    assert [percent(share) for share in (0.0, 0.98954, 1.0)] == ["0.00 %", "98.95 %", "100.00 %"]


def test_only_floats_are_shortened():
    written = [setting_text(value) for value in (0.0012345, 1234567, [64, 32], None, "cosine")]
    assert written == ["0.00123", "1234567", "[64, 32]", "None", "cosine"]
