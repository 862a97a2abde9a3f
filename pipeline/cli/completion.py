"""Complete command lines of `digits` in bash and zsh: commands, each one's keys, and choices.

Commands, keys and choices are read from the files that define them, without Hydra and Pydantic:
one answer takes a tenth of the time that importing them would.
"""

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from pipeline.cli.entry import COMMANDS, EXPERIMENT, MODULES, STAGES, source_of
from pipeline.cli.help.comments import settings_in
from pipeline.config.places import CONF_DIR, choices, groups, sections_of_stage
from pipeline.config.trees import is_in

Values = dict[str, list[str]]
"""What can be set, each with its values if they are few."""

SCRIPT = """\
_digits() {
    local IFS=$'\\n' line="${COMP_LINE:0:COMP_POINT}"
    local word="${line##* }"
    COMPREPLY=($(COMP_LINE="$line" "$1" -sc query=bash 2> /dev/null))
    # Bash replaces only what follows the last "=", if that is one of its word breaks.
    if [[ "$COMP_WORDBREAKS" == *=* && "$word" == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%=*}="}")
    fi
}
complete -o nospace -o default -F _digits digits"""
ZSH = "autoload -Uz bashcompinit && bashcompinit"
REMOVAL = "complete -r digits; unset -f _digits"

FLAGS = ("--help", "--cfg=job")
BOOLEAN = ["true", "false"]
DEFAULT = re.compile(r"^ *- (?:override )?(/?)([a-z/_]+): (\w+)", re.MULTILINE)
# Where the settings are that a command has besides those of an experiment.
OWN_FILES = {"sweep": "race/default.yaml", "search": "search/mlp.yaml"}


def complete(arguments: Sequence[str]) -> None:
    """Do what `digits -sc` asks: print a shell's script, or the candidates for its line."""
    match list(arguments):
        case ["install=bash"]:
            print(SCRIPT)
        case ["install=zsh"]:
            print(f"{ZSH}\n{SCRIPT}")
        case ["uninstall=bash" | "uninstall=zsh"]:
            print(REMOVAL)
        case ["query=bash"]:
            print("\n".join(candidates(os.environ.get("COMP_LINE", ""))))
        case _:  # other shells are Hydra's
            import_module(f"{EXPERIMENT}.__main__").main()


def candidates(line: str) -> list[str]:
    """Return what the last word of a command line can become; each ends where a choice begins.

    Args:
        line: The line up to the cursor, from the name of the program on.
    """
    *before, word = line.lstrip().split(" ")
    words = [each for each in before[1:] if each]
    command = words[0] if words and words[0] in MODULES else ""
    own, others = _settings(command, words)
    if "=" in word:
        return list(_with_value(word, {**others, **own}))
    if word.startswith("-"):
        return [flag for flag in FLAGS if flag.startswith(word)]
    found = {*_keys(word, own)}
    if command == "read":
        found |= {*_files(word)}
    if not words:
        found |= {f"{name} " for name in MODULES if name.startswith(word)}
    return sorted(found or {*_keys(word, others)})


def _settings(command: str, words: Sequence[str]) -> tuple[Values, Values]:
    """Return a command's own settings, and those that it takes as well."""
    experiment = _of_experiment(words)
    if command in STAGES:
        sections = sections_of_stage(STAGES[command])
        return {key: experiment[key] for key in experiment if is_in(key, sections)}, experiment
    if command in OWN_FILES:
        own = _of_files([CONF_DIR / OWN_FILES[command]])
        chosen = {"sweep": "hydra/launcher", "search": "search"}[command]
        return {**own, chosen: choices(chosen)} | _groups() | experiment, {}
    if command in COMMANDS:
        return _of_class(COMMANDS[command]), experiment
    return _groups() | experiment, {}


def _groups() -> Values:
    """Return the groups to choose from, each with its choices if there are several."""
    known = {name: choices(name) for name in groups()}
    return {name: those for name, those in known.items() if len(those) > 1}


def _of_experiment(words: Iterable[str]) -> Values:
    """Return the settings of an experiment with the choices that a command line makes."""
    chosen = [f"{group}/{name}.yaml" for group, name in _chosen(words).items()]
    files = [CONF_DIR / name for name in ("config.yaml", *chosen)]
    return _of_files([file for file in files if file.is_file()])


def _chosen(words: Iterable[str]) -> dict[str, str]:
    """Return what is chosen from each group: by default, by a preset, or by a command line."""
    given = dict(each.split("=", 1) for each in words if "=" in each)
    preset = f"experiment/{given.get('experiment')}.yaml"
    chosen: dict[str, str] = {}
    for file in (CONF_DIR / name for name in ("config.yaml", "train/default.yaml", preset)):
        if file.is_file():
            folder = file.parent.relative_to(CONF_DIR)
            for slash, group, name in DEFAULT.findall(file.read_text(encoding="utf-8")):
                chosen[group if slash else (folder / group).as_posix()] = name
    return chosen | {group: name for group, name in given.items() if (CONF_DIR / group).is_dir()}


def _of_files(files: Iterable[Path]) -> Values:
    """Return the settings in files of conf/."""
    found = [each for file in files for each in settings_in(file) if each.value]
    return {
        key: BOOLEAN if value in BOOLEAN else []
        for key, value, _ in found
        if not key.startswith("hydra") and not key.endswith("_target_")
    }


def _of_class(module: str) -> Values:
    """Return the options that a module declares."""
    classes = [each for each in ast.parse(source_of(module)).body if isinstance(each, ast.ClassDef)]
    return {
        ast.unparse(field.target): _of_kind(ast.unparse(field.annotation))
        for each in classes
        if "Options" in map(ast.unparse, each.bases)
        for field in each.body
        if isinstance(field, ast.AnnAssign)
    }


def _of_kind(annotation: str) -> list[str]:
    return BOOLEAN if annotation == "bool" else re.findall("'(.*?)'", annotation)


def _keys(word: str, settings: Iterable[str]) -> Iterator[str]:
    """Yield the keys that begin with a word, up to the section after it."""
    for key in settings:
        if key.startswith(word):
            section = key.find(".", len(word))
            yield f"{key}=" if section < 0 else key[: section + 1]


def _with_value(word: str, settings: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the values of a key that begin as typed; of several, the last one."""
    key, _, typed = word.partition("=")
    kept, comma, begun = typed.rpartition(",")
    for value in settings.get(key, ()):
        if value.startswith(begun):
            yield f"{key}={kept}{comma}{value}"


def _files(word: str) -> Iterator[str]:
    """Yield the files and folders that begin with a word, as a shell reads them."""
    place, name = os.path.split(word)
    typed = word.removesuffix(name)
    try:
        found = list(os.scandir(Path(place).expanduser() if place else "."))
    except OSError:
        return
    for each in found:
        if each.name.startswith(name) and (name or not each.name.startswith(".")):
            shown = re.sub(r"([^\w@%+=:,./~-])", r"\\\1", f"{typed}{each.name}")
            yield f"{shown}/" if each.is_dir() else f"{shown} "
