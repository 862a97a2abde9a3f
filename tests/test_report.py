"""The report, made of experiments that need no MLflow."""

import re
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

from pipeline.plots import report as plots
from pipeline.report import cells, grid, grids, grouped, layers_of, more_cells, render
from pipeline.tracking.past_runs import CUSTOM_PLOT, PLOTS, PastTraining


def png():
    content = BytesIO()
    Image.new("RGB", (20, 10)).save(content, "png")
    return content.getvalue()


def experiment(units="[64]", epochs=5, accuracy=0.97, **changes):
    plain = {
        "id": "0123456789abcdef" * 2,
        "name": f"mlp {units} · {epochs} epochs",
        "params": {"model": "mlp", "model.hidden_units": units, "train.epochs": str(epochs)},
        "metrics": {"val_accuracy": accuracy, "test_accuracy": accuracy - 0.01, "parameters": 1234},
        "curves": {
            "val_accuracy": {epoch: 1 - 0.1 / epoch for epoch in range(1, epochs + 1)},
            "val_loss": {epoch: 1 / epoch for epoch in range(1, epochs + 1)},
        },
        "note": None,
        "plots": {PLOTS[0]: png(), CUSTOM_PLOT: png()},
    }
    return PastTraining(**{**plain, **changes})


class Outside(HTMLParser):
    """Collects what a page would fetch from elsewhere, and which tags stay open."""

    def __init__(self):
        super().__init__()
        self.fetched = []
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)
        self.fetched += [
            value for key, value in attrs if key in ("src", "href") and value[:5] != "data:"
        ]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_is_well_formed():
    page = render([experiment(), experiment("[16]", 2, 0.9, id="2")])
    reader = Outside()
    reader.feed(page)
    assert reader.fetched == []
    assert reader.open == []
    assert not re.search(r"url\(|@import|<script", page)
    assert page.count("data:image/png;base64,") == 1 + 2 * 2


def test_names_and_notes_from_outside_are_no_html():
    page = render([experiment(name="<script>alert(1)</script>", note="5 < 6")])
    assert "<script>" not in page
    assert "5 &lt; 6" in page


def test_the_table_has_a_dash_for_what_was_not_measured():
    (alone,) = grouped([experiment()])
    shown = cells(alone)
    assert shown[:3] == ["97.00%", "96.00%", "–"]
    assert "1,234" in shown


def test_what_else_was_measured_is_told_and_a_star_marks_validation_pictures():
    tested = experiment(metrics={"val_accuracy": 0.9, "error_auroc": 0.98, "model_bytes": 2100})
    trial = experiment(id="2", metrics={"val_accuracy": 0.9, "val_error_auroc": 0.9712})
    shown = [more_cells(each) for each in grouped([tested, trial])]
    assert [each[1] for each in shown] == ["0.980", "0.971 *"]
    assert [each[-1] for each in shown] == ["2,100", "–"]
    page = render([tested, trial])
    assert "<h2>More than accuracy</h2>" in page
    assert "0.971 *" in page
    assert "<h2>More than accuracy</h2>" not in render([experiment()])


def test_the_grid_holds_the_best_of_each_cell():
    alike = [
        experiment("[256, 128]", 10, 0.98, id="a"),
        experiment("[16]", 2, 0.92, id="b"),
        experiment("[16]", 2, 0.90, id="c"),
    ]
    laid_out = grid(grouped(alike))
    assert laid_out["epochs"] == [2, 10]
    assert laid_out["rows"] == [
        ("mlp 256-128", [None, ("98.00%", pytest.approx(1.0))]),
        ("mlp 16", [("92.00%", 0.0), None]),
    ]


def test_an_experiment_that_has_only_a_name_is_reported():
    bare = experiment(params={}, metrics={}, curves={"val_accuracy": {}, "val_loss": {}}, plots={})
    page = render([bare])
    assert "No plots were recorded" in page
    assert layers_of(bare) == "network"


def test_many_experiments_fit_on_the_curves():
    page = render([experiment(f"[{units}]", 30, 0.9, id=str(units)) for units in range(1, 40)])
    assert "39 trainings" in page


def test_the_curves_carry_the_warnings_about_the_data(monkeypatch):
    notes, draw = [], plots.curves_together
    monkeypatch.setattr(
        plots, "curves_together", lambda curves, note: (notes.append(note), draw(curves, note))[1]
    )
    render([experiment(), *(experiment(note="few digits", id=number) for number in "12")])
    render([experiment()])
    assert notes == ["few digits", None]


def seeds(accuracies, configuration, **changes):
    return [
        experiment(
            accuracy=accuracy,
            configuration=configuration,
            id=f"{configuration} {seed}",
            name=f"mlp 64 · 5 epochs · seed {seed}",
            params={"model": "mlp", "train.epochs": "5", "seed": str(seed)},
            **changes,
        )
        for seed, accuracy in enumerate(accuracies)
    ]


def test_seeds_are_one_row_with_their_interval_and_their_place_beside_the_best():
    best, worse = [0.98, 0.97, 0.99], [0.95, 0.94, 0.961]
    groups = grouped([*seeds(worse, "b"), *seeds(best, "a"), *seeds([0.9], "c")])
    assert [each.name for each in groups[:2]] == ["mlp 64 · 5 epochs · 3 seeds"] * 2
    assert cells(groups[0])[0] == "98.00% ± 2.48%"
    assert [each.compared() for each in groups] == [
        "best", "worse (p < 0.001)", "nothing can be told (1 shared seed)",
    ]  # fmt: skip
    assert "Holm-corrected" in render([*seeds(best, "a"), *seeds(worse, "b")])


def test_the_same_seed_twice_counts_once():
    once = seeds([0.98, 0.97], "a")
    (group,) = grouped([*once, *once])
    assert len(group.trainings) == 2


def test_other_data_is_another_group():
    assert len(grouped([*seeds([0.9], "a"), *seeds([0.9], "a", data="e" * 64)])) == 2


def test_a_row_says_data_seeds_runs_and_what_makes_it_again():
    page = render(seeds([0.98, 0.97], "a"))
    assert "seed 0, 1\n" in page
    assert "</summary>a 0 a 1<br>" in page
    assert "digits promote run=" in page


def test_each_data_set_has_its_own_grid():
    rivals = [experiment(accuracy=0.9, data="a"), experiment(accuracy=0.8, data="b", id="2")]
    found = [each["rows"][0][1][0][0] for _, each in grids(grouped(rivals))]
    assert found == ["90.00%", "80.00%"]


def test_no_name_becomes_part_of_the_page():
    harm = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    params = {"model": harm, "data": harm, "seed": harm, "train.epochs": "5"}
    page = render([experiment(name=harm, id=harm, note=harm, params=params)])
    reader = Outside()
    reader.feed(page)
    assert reader.fetched == []
    assert "<script" not in page
    assert "<img src=x" not in page
