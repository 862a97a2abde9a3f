"""MLflow's pages in a real browser, served by a real server, on a small store made here.

What the pages look like is kept in tests/screenshots/.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright
from support.networks import answers_in_pictures, write_reader
from support.projects import answers, free_port, wait_for

from pipeline import register
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.splits import Split, digest, save_split
from pipeline.plots.evaluate.confusion import LOW_HEIGHT, confusion_matrix, low_confusion_matrix
from pipeline.plots.evaluate.learning_curves import learning_curves
from pipeline.plots.style.page import save_figure
from pipeline.register import RegisterOptions
from pipeline.stages import prepared as prepared_files
from pipeline.stages.prepared import DatasetInfo
from pipeline.tracking.recording.records import File, Metrics, Params

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
NAMES = [str(digit) for digit in range(10)]
SEEN_WITHIN = 120_000  # milliseconds: the pages are megabytes of script, the machine may be busy
# Hidden units, epochs, and how many of the 100 test pictures are read wrong.
RUNS = {
    "mlp 16 · 2 epochs": ([16], 2, 30),
    "mlp 64 · 5 epochs": ([64], 5, 12),
    "mlp 256-128 · 9 epochs": ([256, 128], 9, 1),
}

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def config():
    return validate(compose([]))


@pytest.fixture(scope="module")
def store(tmp_path_factory, config):
    """Record three trainings and register two of them; return the folder and the runs' ids."""
    place = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(place))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(prepared_files, "PREPARED", place)
        labels = np.arange(100, dtype=np.uint8) % 10
        answers = [
            np.where(np.arange(100) < wrong, (labels + 1) % 10, labels)
            for _, _, wrong in RUNS.values()
        ]
        test = Split(answers_in_pictures(*answers), labels)
        save_split(test, place / "test.npz")
        DatasetInfo("digits-like", "d" * 64, NAMES, None).save()
        ids = {
            name: record(place, config, name, row, digest([test])) for row, name in enumerate(RUNS)
        }
        for name in list(RUNS)[1:]:
            register.run(config, RegisterOptions(run=ids[name]))
    return place, ids


def record(place, config, name, row, test_digest):
    """Record what the stages record of a training, in small."""
    from pipeline.tracking.names import CHOSEN_ACCURACY, UNSEEN_TEST_TAG
    from pipeline.tracking.recording.openings import RunRequest
    from pipeline.tracking.recording.recorder import new_run

    units, epochs, wrong = RUNS[name]
    folder = place / name
    history = [
        {
            "epoch": epoch, "loss": 1 / epoch, "val_loss": 1.1 / epoch, "learning_rate": 0.01,
            # The last epoch's are the other way round than those of the weights that were kept.
            "accuracy": 1 - 0.2 / epoch, "val_accuracy": 0.5 + wrong / 100 - 0.1 / epoch,
        }
        for epoch in range(1, epochs + 1)
    ]  # fmt: skip
    save_figure(learning_curves(history, epochs, name), folder / "learning_curves.png")
    matrix = np.diag([10] * 10) + np.diag([wrong] * 9, 1)
    save_figure(confusion_matrix(matrix, NAMES), folder / "confusion_matrix.png")
    save_figure(low_confusion_matrix(matrix, NAMES), folder / "confusion_low.png")
    tags = {"stage": "train", "model_family": "mlp", UNSEEN_TEST_TAG: test_digest}
    with new_run(config.tracking, RunRequest("digits", name, tags)) as run:
        run.record(
            Params(
                {
                    "model": {
                        "_target_": "pipeline.digits.training.networks.mlp",
                        "hidden_units": units,
                    },
                    "train": {"epochs": epochs},
                    "layers": name.partition(" · ")[0],
                }
            )
        )
        for epoch in history:
            run.record(
                Metrics({key: epoch[key] for key in ("val_accuracy", "val_loss")}, epoch["epoch"])
            )
        run.record(Metrics(
            {
                CHOSEN_ACCURACY: 1 - wrong / 100, "test_accuracy": 1 - wrong / 100,
                "test_mistakes": wrong, "test_pictures": 100, "parameters": 1000 * sum(units),
                "training_seconds": epochs,
            }
        ))  # fmt: skip
        run.record(*File.each([write_reader(folder / "model.onnx", row)], "train"))
        plots = ("learning_curves.png", "confusion_matrix.png", "confusion_low.png")
        run.record(*File.each([folder / plot for plot in plots], "evaluate"))
    return run.run_id()


@pytest.fixture(scope="module")
def address(store):
    """Serve the store as `make ui` does; return the address that it says to open."""
    place, _ = store
    port = free_port()
    surroundings = os.environ | {
        "DVC_ROOT": str(place),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    surroundings.pop("MLFLOW_TRACKING_URI", None)
    server = subprocess.Popen(
        [sys.executable, "-m", "pipeline.ui", f"port={port}"],
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        line = next(line for line in server.stdout if line.startswith("open "))
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/health"), 240)
        yield line.split()[1]
    finally:
        os.killpg(server.pid, 15)
        server.wait(120)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def window(browser):
    """Return one window for all tests, so that the pages' scripts are loaded once."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(SEEN_WITHIN)
    page.add_init_script(
        "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1','true')"
    )
    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    return page


@pytest.fixture
def look(window, request):
    """Open an address; after the test, keep what is to be seen."""

    def open_page(url):
        window.goto("about:blank")
        window.goto(url, wait_until="domcontentloaded")
        return window

    yield open_page
    SCREENSHOTS.mkdir(exist_ok=True)
    window.screenshot(path=SCREENSHOTS / f"{request.node.name}.png")


def see(page, *texts):
    for text in texts:
        page.get_by_text(text).first.wait_for()


def once_settled(page, expect):
    """Check a page until it is as expected: it draws its parts one after the other."""
    until = time.monotonic() + SEEN_WITHIN / 1000
    while True:
        try:
            return expect()
        except (AssertionError, TypeError, PlaywrightError):  # no box, or another image by now
            if time.monotonic() > until:
                raise
        page.wait_for_timeout(100)


def test_the_run_table_shows_layers_and_epochs_beside_accuracy(look, address):
    page = look(address)
    see(page, *RUNS)
    table = page.get_by_role("treegrid").or_(page.get_by_role("grid"))
    columns = ("layers", "train.epochs", "val_accuracy_chosen", "test_accuracy")
    heads = [table.get_by_text(column).first for column in columns]
    for head in heads:
        head.wait_for()
    see(page, "mlp 256-128", "0.99")
    names = page.get_by_text(re.compile("^mlp .* epochs$"))

    def expect_order():
        boxes = [head.bounding_box() for head in heads]
        assert all(box["x"] + box["width"] < 1440 for box in boxes)
        lefts = [box["x"] for box in boxes]
        assert lefts == sorted(lefts), "not in the order of cause and effect"
        assert names.all_inner_texts() == list(RUNS)[::-1], "the best is not first"

    once_settled(page, expect_order)


def test_the_charts_are_set_up(look, address):
    page = look(f"{address}&compareRunsMode=CHART")
    see(page, "train.epochs vs. test_accuracy", "parameters vs. test_accuracy", "Learning curves")


def test_the_page_of_a_run_tells_its_numbers_and_shows_its_plot(look, address, store):
    _, ids = store
    run_id = ids["mlp 256-128 · 9 epochs"]
    page = look(f"{address.partition('/runs')[0]}/runs/{run_id}?workflowType=machine_learning")
    see(page, "of test digits right", "model_family")
    plot = page.locator("img[src*='get-artifact']").first
    plot.wait_for()

    def expect_whole():
        size = plot.evaluate("image => image.decode().then(() => image.naturalHeight)")
        assert size == LOW_HEIGHT
        shown = plot.evaluate(
            "image => { let box = image.getBoundingClientRect(), low = box.bottom;"
            " for (let each = image; each; each = each.parentElement)"
            " if (getComputedStyle(each).overflowY != 'visible')"
            " low = Math.min(low, each.getBoundingClientRect().bottom);"
            " return (low - box.top) / box.height }"
        )
        assert shown == pytest.approx(1), "the matrix is cut off"

    once_settled(page, expect_whole)


def test_the_plots_of_a_run_open(look, address, store):
    _, ids = store
    run_id = ids["mlp 64 · 5 epochs"]
    base = address.partition("/runs")[0]
    page = look(f"{base}/runs/{run_id}/artifacts/evaluate/learning_curves.png")
    see(page, "train", "learning_curves.png")
    page.locator("img[src*='blob:'], img[src*='learning_curves']").first.wait_for()


def test_three_runs_are_compared(look, address, store):
    _, ids = store
    root, experiment = re.match(r"(.*/)#/experiments/(\d+)", address).groups()
    listed = ",".join(f'"{run_id}"' for run_id in ids.values())
    page = look(f'{root}#/compare-runs?runs=[{listed}]&experiments=["{experiment}"]')
    see(page, "Comparing 3 Runs", "train.epochs", "[256, 128]", "test_accuracy")


def test_the_registry_shows_the_champion_and_why(look, address):
    root = address.partition("#")[0]
    page = look(f"{root}#/models/digits?workflowType=machine_learning")
    see(page, "Reads handwritten digits from pictures", "champion", "previous")
    page = look(f"{root}#/models/digits/versions/2?workflowType=machine_learning")
    see(page, "champion is version 2 (was 1), which is better")


def test_no_name_and_no_description_becomes_part_of_a_page(look, address, store):
    from mlflow import MlflowClient

    harm = "<img src=x onerror='window.harmed=1'><script>window.harmed=1</script> harmless"
    client = MlflowClient(f"sqlite:///{store[0] / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("digits").experiment_id
    tags = {"mlflow.note.content": harm}
    run = client.create_run(experiment, run_name=harm, tags=tags).info.run_id
    client.log_param(run, "predict.images", harm)
    client.log_text(run, "file,digit\n", f"predict-custom/{harm.replace('/', '')}.csv")
    client.set_terminated(run)
    page = look(f"{address.partition('#')[0]}#/experiments/{experiment}/runs/{run}")
    see(page, harm, "predict.images")
    assert page.evaluate("window.harmed") is None
    page.goto(f"{page.url.partition('?')[0]}/artifacts")
    see(page, "predict-custom")
    page.get_by_text("predict-custom").first.click()
    see(page, re.compile("harmless.csv"))
    assert page.evaluate("window.harmed") is None
    client.delete_run(run)
