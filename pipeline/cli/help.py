"""The text of `--help`."""

import re
import signal
import sys
from collections.abc import Iterable

from hydra.core.config_store import ConfigStore

from pipeline.cli.explaining import has_groups


def says_what_to_complete(arguments: Iterable[str]) -> bool:
    """Say whether Hydra's shell completion is told what to do; it ends in a traceback if not."""
    return any(re.match("(install|uninstall|query)=", argument) for argument in arguments)


def describe_command(config_name: str) -> None:
    """Let `--help` begin with what the command's module says of itself."""
    if hasattr(signal, "SIGPIPE"):  # `--help | head` ends as it does with other programs
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    composes = has_groups(config_name)
    groups = "Groups (GROUP=CHOICE):\n\n$APP_CONFIG_GROUPS\n" if composes else ""
    about = (sys.modules["__main__"].__doc__ or "").replace("$", "$$")
    text = f"{about}\n{groups}Settings (KEY=VALUE):\n\n$CONFIG"
    ConfigStore.instance().store(name="command", group="hydra/help", node={"template": text})
    # argparse, which Hydra uses, takes overrides from one place only.
    overrides = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    sys.argv[1:] = ["--help", *overrides, "hydra/help=command"]
