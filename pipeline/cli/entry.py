"""The command `digits`, with a word for every module that can be typed as `python -m …`."""

import ast
import re
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.cli.messages import fail

EXPERIMENT = "pipeline"
SETTINGS = "settings"
COMMANDS = {
    "read": "pipeline.read",
    "status": "pipeline.status",
    "sweep": "pipeline.sweep",
    "search": "pipeline.search",
    "promote": "pipeline.promote",
    "ui": "pipeline.ui",
    "report": "pipeline.report",
    "register": "pipeline.register",
    "serve": "pipeline.serve",
    "teach": "pipeline.teach",
    "sync": "pipeline.sync",
    "record": "pipeline.record",
    "gc": "pipeline.gc",
}
STAGES = {
    "prepare": "pipeline.stages.prepare",
    "train": "pipeline.stages.train",
    "train-lines": "pipeline.stages.train_lines",
    "evaluate": "pipeline.stages.evaluate",
    "predict-custom": "pipeline.stages.predict_custom",
}
MODULES = {**COMMANDS, **STAGES, SETTINGS: EXPERIMENT}

USAGE = """\
usage: digits [KEY=VALUE …] [GROUP=CHOICE …]    run one experiment, such as `digits model=cnn`
       digits COMMAND [KEY=VALUE …]             run a command"""
ALL_SETTINGS = """\
All settings of an experiment. `digits model=cnn train.epochs=3` sets two of them and runs it;
`digits settings model=cnn` lists those of that network."""
GO_ON = """\
`digits COMMAND --help` says what a command takes, `digits settings` lists all settings of an
experiment, and README.md shows what to do with them."""


def main() -> None:
    """Run what the first word names; without one, an experiment."""
    try:
        _run()
    except KeyboardInterrupt:  # while modules are imported; later, commands see to it themselves
        fail("interrupted", 130)


def _run() -> None:
    word, *rest = sys.argv[1:] or [""]
    if word in ("-h", "--help"):
        print(overview())
    elif word in ("-sc", "--shell-completion"):
        from pipeline.cli.completion import complete

        complete(rest)
    elif not _is_command(word):
        runpy.run_module(EXPERIMENT, run_name="__main__", alter_sys=True)
    elif word == SETTINGS:
        _print_settings(rest)
    elif word in MODULES:
        # The module becomes `__main__`, as with `python -m`: processes that it starts and runs that
        # it records see no difference.
        sys.argv[1:] = rest
        runpy.run_module(MODULES[word], run_name="__main__", alter_sys=True)
    else:
        fail(f"{word}: no such command; {_suggest(word)}")


def overview() -> str:
    """Return the list of all commands, with a sentence each."""
    settings = f"  {SETTINGS:<15} List all settings of an experiment"
    return "\n\n".join(
        [
            USAGE,
            "\n".join(["commands:", *_described(COMMANDS), settings]),
            "\n".join(["stages, which `dvc repro` runs:", *_described(STAGES)]),
            GO_ON,
        ]
    )


def _print_settings(choices: list[str]) -> None:
    """Print the help of an experiment, without importing what runs one."""
    from pipeline.cli.command import run_command

    run_command(print, ALL_SETTINGS, arguments=["--help", *choices])


def _described(commands: Mapping[str, str]) -> Iterator[str]:
    for name, module in commands.items():
        yield f"  {name:<15} {_sentence(module)}"


def _sentence(module: str) -> str:
    """Return the first words of a module's docstring, without importing it."""
    about = ast.get_docstring(ast.parse(source_of(module))) or ""
    sentence = re.split(r": `|\.$", about.splitlines()[0])[0]
    sentence = re.sub(r"^.*stage \d: ", "", sentence, flags=re.IGNORECASE)
    return sentence[0].upper() + sentence[1:]


def source_of(module: str) -> str:
    """Return the source of one of our modules, given its dotted name."""
    root = Path(__file__).resolve().parents[2]
    return root.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")


def _is_command(word: str) -> bool:
    """Return whether a first argument is no setting, flag or deletion of Hydra's, and not empty."""
    return bool(word) and "=" not in word and not word.startswith(("-", "~", "+"))


def _suggest(word: str) -> str:
    from pipeline.config.wording import suggest
    from pipeline.system.files import is_there

    if is_there(word):
        return f"did you mean `digits read {word}`?"
    if "." in word:
        return f"did you mean {word}=VALUE?"
    return suggest(word, list(MODULES))
