"""Let DVC work without Git, as in an unpacked ZIP."""

import subprocess
import sys

from pipeline.config.places import ROOT

LOCAL_CONFIG = ROOT / ".dvc" / "config.local"
NO_GIT = "no_scm = true"


def follow_git() -> None:
    """Tell DVC, in a file that Git ignores, whether there is a repository, if that has changed."""
    missing = not any((folder / ".git").exists() for folder in (ROOT, *ROOT.parents))
    told = LOCAL_CONFIG.is_file() and NO_GIT in LOCAL_CONFIG.read_text(encoding="utf-8")
    if missing != told:
        change = ["core.no_scm", "true"] if missing else ["--unset", "core.no_scm"]
        command = [sys.executable, "-m", "dvc", "config", "--local", *change]
        subprocess.run(command, cwd=ROOT, check=False)
