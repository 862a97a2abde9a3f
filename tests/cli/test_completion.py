"""Completion of `digits`: what is offered, and what a real bash makes of it."""

import os
import pty
import subprocess
import sys

import pytest

from pipeline.cli import completion, entry
from pipeline.cli.completion import candidates
from pipeline.config.composing import compose
from pipeline.config.places import ROOT
from pipeline.config.trees import flatten


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("digits sw", ["sweep "]),
        ("digits mod", ["model.", "model="]),
        ("digits experiment=t", ["experiment=tiny"]),
        ("digits model=cnn model.f", ["model.filters="]),
        ("digits experiment=tiny model.f", ["model.filters="]),
        ("digits model.f", []),
        ("digits train/optimizer=sgd train.optimizer.", ["train.optimizer.momentum=",
                                                         "train.optimizer.nesterov="]),
        ("digits tracking.enabled=", ["tracking.enabled=true", "tracking.enabled=false"]),
        ("digits --h", ["--help"]),
        ("digits sweep ra", ["race."]),
        ("digits sweep race.s", ["race.seeds="]),
        ("digits sweep model=mlp,c", ["model=mlp,cnn"]),
        ("digits sweep hydra/launcher=j", ["hydra/launcher=joblib"]),
        ("digits search search.tr", ["search.trials="]),
        ("digits train ", ["model.", "seed=", "train."]),
        ("digits train train.ep", ["train.epochs="]),
        ("digits evaluate pre", ["predict.", "prepare."]),
        ("digits evaluate ", ["data.", "lines.", "model.", "predict.", "prepare.", "seed=",
                              "tracking.", "train."]),
        ("digits train tracking.u", ["tracking.uri="]),
        ("digits ui ", ["port="]),
        ("digits ui tracking.u", ["tracking.uri="]),
        ("digits read mode=", ["mode=digit", "mode=number"]),
        ("digits gc yes=t", ["yes=true"]),
        ("digits settings mod", ["model.", "model="]),
    ],
)  # fmt: skip
def test_what_a_word_can_become(line, expected):
    assert candidates(line) == expected


def test_the_first_word_can_be_a_command_a_group_or_a_setting():
    found = candidates("digits ")
    assert {f"{name} " for name in entry.MODULES} <= {*found}
    assert {"model=", "model.", "train.", "seed="} <= {*found}
    assert "race." not in found


@pytest.mark.parametrize("chosen", [[], ["model=cnn"], ["data=folder", "train/schedule=constant"]])
def test_every_setting_of_an_experiment_is_offered(chosen):
    wanted = {key for key in flatten(compose(chosen)) if not key.endswith("_target_")}
    assert {*completion._of_experiment(chosen)} == wanted


def test_pictures_are_offered_as_a_shell_reads_them(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my scans").mkdir()
    (tmp_path / "seven.png").touch()
    (tmp_path / ".hidden.png").touch()
    (tmp_path / "my scans" / "one.png").touch()
    assert candidates("digits read ") == ["mode=", "my\\ scans/", "network=", "seven.png ", "show="]
    assert candidates("digits read se") == ["seven.png "]
    assert candidates(f"digits read {tmp_path}/se") == [f"{tmp_path}/seven.png "]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("install=bash", completion.SCRIPT),
        ("install=zsh", f"{completion.ZSH}\n{completion.SCRIPT}"),
        ("uninstall=bash", completion.REMOVAL),
    ],
)
def test_a_script_is_printed_for_each_shell(asked, expected, capsys):
    completion.complete([asked])
    assert capsys.readouterr().out == f"{expected}\n"


def test_another_shell_is_left_to_hydra(monkeypatch):
    handed = []
    monkeypatch.setattr("pipeline.__main__.main", lambda: handed.append("hydra"))
    completion.complete(["install=fish"])
    assert handed == ["hydra"]


def test_an_answer_needs_neither_hydra_nor_pydantic():
    code = (
        "import sys; from pipeline.cli.completion import candidates; "
        "candidates('digits read mo'); candidates('digits sweep '); candidates('digits train '); "
        "heavy = {'hydra', 'omegaconf', 'pydantic', 'numpy'} & sys.modules.keys(); "
        "sys.exit(' '.join(heavy) or None)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stderr == ""


@pytest.fixture
def bash(tmp_path):
    """Type lines with tabs into a bash that completes `digits`; return what they become."""
    program = tmp_path / "digits"
    program.write_text(f"#!{sys.executable}\nfrom pipeline.cli.entry import main\nmain()\n")
    program.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), "/usr/bin", "/bin"])
    environment = {"PATH": path, "TERM": "dumb", "PS1": "", "PYTHONPATH": str(ROOT)}

    def type_in(*lines, before=""):
        keyboard, terminal = pty.openpty()
        with subprocess.Popen(
            ["bash", "--norc", "-i"],
            stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, cwd=tmp_path, text=True, start_new_session=True,
        ) as shell:  # fmt: skip
            os.close(terminal)
            start = f'{before}\neval "$(digits -sc install=bash)"\n'
            typed = "".join(f"{line}\x01echo '\x05'\n" for line in lines)
            os.write(keyboard, f"{start}{typed}exit\n".encode())
            try:
                return shell.communicate(timeout=120)[0].splitlines()
            finally:
                shell.kill()
                os.close(keyboard)

    return type_in


@pytest.mark.parametrize("before", ["", "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}"])
def test_bash_completes_commands_keys_and_choices(bash, before):
    assert bash(
        "digits sw\tra\ts\t8",
        "digits exp\tti\t",
        "digits experiment=tiny model.fi\t[8]",
        "digits read mo\tn\t",
        before=before,
    ) == [
        "digits sweep race.seeds=8",
        "digits experiment=tiny",
        "digits experiment=tiny model.filters=[8]",
        "digits read mode=number",
    ]
