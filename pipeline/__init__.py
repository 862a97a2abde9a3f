"""A configurable pipeline for handwritten digits: Hydra configures, DVC chains, MLflow records."""

from importlib.util import find_spec
from pathlib import Path

# Here, since any other module's first import would fail. A registered model comes without cli/.
if (Path(__file__).parent / "cli").is_dir() and find_spec("hydra") is None:
    raise SystemExit(
        "error: this Python lacks the project's packages; run `make setup`, and then "
        "`source .venv/bin/activate` or .venv/bin/python instead of python"
    )
