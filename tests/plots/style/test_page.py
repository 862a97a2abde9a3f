from pathlib import Path

import pytest
from support.figures import EVERY, png

from pipeline.plots.style import page


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = EVERY["curves"]()
    old = png(figure, tmp_path)

    def fail(path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        page.save_figure(figure, tmp_path / "figure.png")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [old]


def test_the_body_is_as_high_as_asked_below_any_header() -> None:
    for title, subtitle, note in (("a", None, None), ("a long title " * 20, "b " * 99, "c " * 99)):
        figure, (_, bottom, _, height) = page.new_page(title, 3.0, subtitle=subtitle, note=note)
        assert height * figure.get_figheight() == pytest.approx(3.0)
        lowest = min(each.get_window_extent().y0 for each in figure.texts) / figure.dpi
        assert (bottom + height) * figure.get_figheight() <= lowest
