"""Put a command's help together."""

import json
import shutil
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.cli.command_line import SWEEP_FLAGS, CommandLine
from pipeline.cli.help.comments import headline, sentences
from pipeline.cli.help.ranges import TARGET, ranges_of, ranges_of_targets
from pipeline.config.places import choices, groups
from pipeline.config.schema import Config
from pipeline.config.trees import Tree, flatten, is_in

NARROWEST, WIDEST = 60, 100  # columns of the terminal
INDENT = 2
KEY_WIDTH = 32  # columns; what is longer has a line of its own
MORE = "`digits settings` lists all settings of an experiment, and says what each means."


def help_text(line: CommandLine, tree: Tree) -> str:
    """Return the help of a command: what it does, its own keys, and what else can be set.

    Args:
        line: The command.
        tree: Its configuration. Each key is shown with its value there.
    """
    own, others = own_values(line, tree)
    words = words_of(line, tree)
    entries = [_entry(f"{key}{_typed(value)}", words(key)) for key, value in own.items()]
    if line.has(*SWEEP_FLAGS):
        entries += _choices(["hydra/launcher"])
    parts = [line.about.strip()]
    if line.composes_groups and line.sections:
        parts.append(_titled("choices (GROUP=CHOICE):", _choices(groups())))
    if entries:
        parts.append(_titled("settings (KEY=VALUE), with their values as they are now:", entries))
    if line.composes_groups and others:
        parts.append(_titled("and, as for an experiment:", [_paragraph(", ".join(others), INDENT)]))
    if not (line.composes_groups and line.sections):
        parts.append(MORE)
    return "\n\n".join(parts)


def own_values(line: CommandLine, tree: Tree) -> tuple[dict[str, Any], list[str]]:
    """Return the values that a command's help describes, and the keys that it only lists."""
    values = {key: value for key, value in flatten(tree).items() if not _is_chosen(key)}
    own = {f"{line.at}{name}": ... for name in line.options.model_fields} if line.options else {}
    own |= {key: value for key, value in values.items() if key in own or is_in(key, line.sections)}
    return own, [key for key in values if not is_in(key, own)]


def _is_chosen(key: str) -> bool:
    """Return whether a key is set by choosing from a group."""
    return key.endswith(TARGET) or bool(choices(key.replace(".", "/")))


def words_of(line: CommandLine, tree: Tree) -> Callable[[str], str]:
    """Return a function that says of a key what it means and which values it can have."""
    about = sentences([value for key, value in flatten(tree).items() if key.endswith(TARGET)])
    ranges: dict[str, str] = {}
    if line.sections:  # the functions that they name are not imported for nothing
        ranges |= ranges_of(Config) | ranges_of_targets(flatten(tree))
    if line.options:
        ranges |= ranges_of(line.options, line.at)
        fields = line.options.model_fields.items()
        about |= {f"{line.at}{name}": each.description for name, each in fields if each.description}
    return lambda key: " ".join([about.get(key, ""), f"({ranges[key]})" if key in ranges else ""])


def _typed(value: object) -> str:
    """Return a value as it is typed after its key; nothing for a whole section (...)."""
    if value is ...:
        return ""
    if isinstance(value, bool) or value is None:
        return f"={json.dumps(value)}"
    if isinstance(value, list):
        return f"=[{','.join(map(str, value))}]"
    return f"={value}"


def _choices(names: Iterable[str]) -> list[str]:
    """Describe the choices of each group that has several."""
    return [
        _entry(f"{group}={choice}", headline(group, choice))
        for group in names
        if len(choices(group)) > 1
        for choice in choices(group)
    ]


def _titled(title: str, entries: Iterable[str]) -> str:
    return "\n".join([title, *entries])


def _entry(key: str, words: str) -> str:
    """Return a key with its description beside it, or below it if it is long."""
    text = _paragraph(words, INDENT + KEY_WIDTH)
    if len(key) > KEY_WIDTH - INDENT:
        return f"{' ' * INDENT}{key}\n{text}"
    return f"{' ' * INDENT}{key:<{KEY_WIDTH}}{text.lstrip()}".rstrip()


def _paragraph(text: str, indent: int) -> str:
    width = min(max(shutil.get_terminal_size((WIDEST, 0)).columns, NARROWEST), WIDEST)
    return textwrap.fill(
        text.strip(), width,
        initial_indent=" " * indent, subsequent_indent=" " * indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
