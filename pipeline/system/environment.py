"""Environment variables that libraries need, whatever environment a command is started from."""

import os
import sys
import warnings

# No library reports to its makers what is run here, or asks them for updates.
NO_TELEMETRY = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",  # DVC's libraries
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime, since 1.29 on Linux as well
    "RAY_USAGE_STATS_ENABLED": "0",
}
# A notebook's kernel names a backend here that is often installed in its environment alone.
PLOTTING = {"MPLBACKEND": "agg"}


def turn_off_telemetry() -> None:
    """Turn off all telemetry. To be called before a library that has any is imported."""
    os.environ.update(NO_TELEMETRY)


def settle_environment() -> None:
    """Set what the libraries of a command and of its child processes need."""
    _open_closed_streams()
    turn_off_telemetry()
    os.environ.update(PLOTTING)
    _let_warnings_pass()


def _open_closed_streams() -> None:
    """Open streams that the caller closed; a file opened later would take their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)  # under the same number, unless that is taken
            os.set_inheritable(opened, True)
            setattr(sys, name, os.fdopen(opened, "w" if number else "r"))


def _let_warnings_pass() -> None:
    """Undo PYTHONWARNINGS=error: the warnings of libraries would end the command."""
    if any(option.startswith("error") for option in sys.warnoptions):
        os.environ.pop("PYTHONWARNINGS", None)
        sys.warnoptions.clear()  # multiprocessing passes them on
        warnings.simplefilter("ignore")
