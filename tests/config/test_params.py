"""params.yaml is read as it is written, and an unreadable one is reported."""

import subprocess

import pytest
import yaml

from pipeline.config.params import PARAMS_FILE, dump, read_params, write_params
from pipeline.config.places import ROOT
from pipeline.system.errors import InputError


@pytest.fixture
def committed():
    """Skip the test if params.yaml is not as committed: after an experiment, it holds that."""
    compared = subprocess.run(
        ["git", "diff", "--quiet", "HEAD", "--", PARAMS_FILE], cwd=ROOT, check=False
    )
    if compared.returncode:
        pytest.skip("params.yaml is not as committed")


@pytest.mark.usefixtures("committed")
def test_params_file_is_the_composed_default(default_tree):
    assert read_params() == default_tree


@pytest.mark.usefixtures("committed")
def test_params_file_is_written_as_dump_would(default_tree):
    assert PARAMS_FILE.read_text() == dump(default_tree)


def test_what_is_written_is_read(default_tree, tmp_path):
    tree = {**default_tree, "train": {**default_tree["train"], "learning_rate": 1e-5}}
    assert write_params(tree, tmp_path / "params.yaml")
    assert read_params(tmp_path / "params.yaml") == tree


def test_a_file_that_holds_it_already_keeps_its_time(default_tree, tmp_path):
    path = tmp_path / "params.yaml"
    write_params(default_tree, path)
    before = path.stat()
    assert not write_params(default_tree, path)
    assert path.stat().st_ino == before.st_ino
    assert write_params({**default_tree, "seed": 1}, path)


def test_a_file_written_before_functions_moved_is_read_as_of_today(default_tree, tmp_path):
    path = tmp_path / "params.yaml"
    old = {**default_tree, "data": {"_target_": "pipeline.digits.datasets.mnist_5000"}}
    path.write_text(yaml.safe_dump(old))
    assert read_params(path)["data"]["_target_"] == "pipeline.digits.datasets.mnist.mnist_5000"


@pytest.mark.parametrize("text", [b"", b"- a list", b"a: [unclosed", b"\t", b"# caf\xe9"])
def test_a_broken_params_file_is_reported_in_one_line(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_params(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_params_file_is_reported(tmp_path):
    with pytest.raises(InputError, match="`digits` "):
        read_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    "text",
    ["a: &a [x]\nb: [*a, *a]", "a: &a {b: *a}", "a: 2020-02-30", "a: !!python/name:os.system"],
)
def test_aliases_impossible_dates_and_python_are_refused(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="is not"):
        read_params(path)
