"""Where the project's files are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONF_DIR = ROOT / "conf"

PREPARED = ROOT / "data" / "prepared"
CORRECTIONS = ROOT / "data" / "corrections"
MODELS = ROOT / "models"
KERAS_FILE = MODELS / "model.keras"
ONNX_FILE = MODELS / "model.onnx"
LINES_MODEL = MODELS / "lines"
LINES_FILE = LINES_MODEL / "lines.onnx"
RUN_ID_NAME = "run_id.txt"
SETTINGS_FILE = MODELS / "settings.json"
REPORTS = ROOT / "reports"
METRICS_NAME = "metrics.json"
READER_NAME = "read_by.txt"

OTHER_GROUPS = (("hydra",), ("search",))


def choices(group: str) -> list[str]:
    """Return the names that can be chosen in a group of conf/; none if there is no such group."""
    return sorted(file.stem for file in (CONF_DIR / group).glob("*.yaml")) if group else []


def groups() -> list[str]:
    """Return the groups of conf/ that make up a configuration, except Hydra's own."""
    folders = (folder.relative_to(CONF_DIR) for folder in CONF_DIR.rglob("*/") if folder.is_dir())
    return sorted(each.as_posix() for each in folders if each.parts[:1] not in ((), *OTHER_GROUPS))


def sections_of_stage(module: str) -> tuple[str, ...]:
    """Return the sections of the configuration that a stage reads, given its module's name."""
    import yaml  # here, since completion seldom needs it

    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    read = (each.get("params", ()) for each in stages if each["cmd"] == f"python -m {module}")
    return tuple(next(read, ()))


def project_path(name: str | Path) -> Path:
    """Return the path of a project file; relative names start at the project's root."""
    return ROOT / name


def ignored_by_dvc(root: Path = ROOT) -> set[Path]:
    """Return the files of a project that .dvcignore names: they change no output of a stage."""
    lines = (root / ".dvcignore").read_text(encoding="utf-8").splitlines()
    return {root / line[1:] for line in lines if line.startswith("/")}


def home() -> Path:
    """Return the folder that outlives an experiment: DVC's real root, or this project's.

    A queued DVC experiment runs in a temporary copy; DVC_ROOT still names the real one.
    """
    return Path(os.environ.get("DVC_ROOT") or ROOT)


def report_dir(stage: str) -> Path:
    """Return the folder of a stage's metrics and plots, created if it is missing."""
    folder = REPORTS / stage
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def summary_file(stage: str) -> Path:
    """Return the file of the few metrics by which a stage's results are compared.

    Git keeps it, and DVC's tables show it.
    """
    return REPORTS / f"{stage}.json"
