"""What a command answers where nothing has been trained yet."""

import pytest
from support.projects import Project

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pipeline train.epoks=3", "train.epoks: unknown key; did you mean train.epochs?"),
        ("pipeline.stages.train model.hidden_units=[]", "model.hidden_units=[]: list should"),
        ("pipeline.stages.predict_custom predict.model=no.onnx", "no trained network there"),
        ("pipeline.sweep train.epochs=0,1", "trial 1 of 2: train.epochs=0: input should be"),
    ],
)
def test_a_command_given_bad_input_ends_in_one_line(project, command, expected):
    """What else can be wrong is tested in tests/cli/, without a process for each."""
    line = project.refused("python", "-m", *command.split(), "tracking.enabled=false")
    assert line.startswith("error: ")
    assert expected in line


def test_help_and_completion_answer(project, monkeypatch):
    assert "train.epochs=12" in project.run("python", "-m", "pipeline", "--help")
    line = "digits train.ep"
    monkeypatch.setitem(project.env, "COMP_LINE", line)
    monkeypatch.setitem(project.env, "COMP_POINT", str(len(line)))
    assert "train.epochs=" in project.run("python", "-m", "pipeline", "-sc", "query=bash")
