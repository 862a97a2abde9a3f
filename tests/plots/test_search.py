from support.figures import texts

from pipeline.plots.search import history, importance


def test_the_best_so_far_never_falls() -> None:
    figure = history([0.9, 0.95, 0.93, 0.96], stopped=2)
    (axes,) = figure.axes
    assert list(axes.lines[0].get_ydata()) == [90, 95, 95, 96]
    assert axes.get_xlim()[0] == 0.5
    assert "4 trials finished, 2 stopped early; best 96.00 %" in texts(figure)


def test_a_single_trial_is_the_first() -> None:
    figure = history([0.9], stopped=0)
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]
    assert "1 trial finished" in texts(figure)


def test_the_importance_of_settings_says_for_what() -> None:
    figure = importance({"train.batch_size": 1.0}, "ms_per_picture")
    assert "the variance of ms_per_picture" in texts(figure)
    assert "not shown" not in texts(figure)


def test_the_settings_that_matter_most_are_shown_and_the_others_counted() -> None:
    figure = importance({f"setting {n}": n / 190 for n in range(20)}, "val_accuracy")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [f"setting {n}" for n in range(4, 20)]
    assert "; 4 not shown" in texts(figure)
