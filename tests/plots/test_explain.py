from matplotlib.image import AxesImage
from support.figures import STEPS, texts

from pipeline.plots.explain import explain_strip


def test_every_step_is_shown_with_its_number_and_name() -> None:
    figure = explain_strip(STEPS, "7.png")
    assert len(figure.findobj(AxesImage)) == len(STEPS)
    words = texts(figure)
    for place, (name, _) in enumerate(STEPS, start=1):
        assert f"{place}. {name}" in words


def test_steps_run_from_left_to_right_in_rows_of_one_length() -> None:
    corners = [image.get_extent() for image in explain_strip(STEPS, "7.png").findobj(AxesImage)]
    rows = [round(top // 2) for _, _, _, top in corners]
    assert rows == [0, 0, 0, 1, 1, 1]
    assert [left for left, *_ in corners[:3]] == sorted(left for left, *_ in corners[:3])
