"""The typed configuration: composed from conf/, kept in params.yaml, checked before use."""

import difflib
import importlib
import inspect
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

# Pydantic would look through every installed package for plugins: some 30 ms of every start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import yaml
from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from pipeline.digits.errors import InputError, in_one_line

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
CONF_DIR = ROOT / "conf"
PARAMS_FILE = ROOT / "params.yaml"

# What a file raises that is meant to be YAML.
UNREADABLE = (yaml.YAMLError, UnicodeDecodeError)

Tree = dict[str, Any]
Target = Tree  # names a function by `_target_` and holds its arguments

PARAMS_HEADER = """\
# Written by `python -m pipeline` and `dvc exp run -S` from conf/: change values there, not here.
"""


class Section(BaseModel):
    """A part of the configuration: no unknown keys, no wrong types, no change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Prepare(Section):
    """How the data is split."""

    validation_size: Annotated[int, Field(ge=1)]


class Train(Section):
    """How the network learns."""

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    schedule: Target
    optimizer: Target
    distortion: Target | None
    drawn_share: Annotated[float, Field(ge=0, le=1)]
    other_share: Annotated[float, Field(ge=0, lt=1)]
    sharpness_radius: Annotated[float, Field(ge=0, le=10)]
    early_stopping_patience: Annotated[int, Field(ge=1)] | None
    init_from: Annotated[str, Field(min_length=1)] | None
    test_time_augmentation: bool
    jit_compile: Literal["auto"] | bool
    threads: Annotated[int, Field(ge=1, le=1_024)] | None


class Rows(Section):
    """How the second network learns, which reads digits that touch."""

    epochs: Annotated[int, Field(ge=0, le=10_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    distortion: Target | None
    drawn_share: Annotated[float, Field(ge=0, le=1)]


class Predict(Section):
    """Which pictures are read, for what, and how sure an answer must be."""

    mode: Literal["digit", "number"]
    images: Annotated[str, Field(min_length=1)]
    output: Annotated[str, Field(min_length=1)]
    model: Annotated[str, Field(min_length=1)]
    unsure_below: Annotated[float, Field(ge=0, le=1)]
    chunk_size: Annotated[int, Field(ge=1, le=100_000)]
    grid_limit: Annotated[int, Field(ge=1, le=1_000)]
    explain: bool


class Tracking(Section):
    """Where MLflow records runs. MLFLOW_TRACKING_URI in the environment wins over `uri`."""

    enabled: bool
    uri: str | None
    experiment: Annotated[str, Field(min_length=1)]


class Config(Section):
    """Everything an experiment is made of."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]
    data: Target
    prepare: Prepare
    model: Target
    train: Train
    rows: Rows
    predict: Predict
    tracking: Tracking


class Options(Section):
    """What a command takes besides the configuration; every field has a default."""


Given = TypeVar("Given", bound=Options)


def compose(overrides: list[str], name: str = "config") -> Tree:
    """Compose conf/ as `python -m pipeline` and `dvc exp run` do, or another command.

    Raises:
        hydra.errors.HydraException: An override does not fit the configuration.
        InputError: A file in conf/ is not YAML.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            return to_tree(hydra_compose(name, overrides=overrides))
    except UNREADABLE as error:
        raise broken_conf(error) from error
    finally:
        GlobalHydra.instance().hydra = running


def broken_conf(error: Exception) -> InputError:
    """Return what to raise where a file in conf/ cannot be read."""
    return InputError(
        f"{CONF_DIR}: holds a file that is no YAML ({in_one_line(error, 300)}); mend it"
    )


def to_tree(config: DictConfig) -> Tree:
    """Resolve a configuration of Hydra's into plain dicts, lists and scalars."""
    tree = OmegaConf.to_container(config, resolve=True)
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items()}


def validate(tree: Mapping[str, Any]) -> Config:
    """Check a composed configuration against the schema and against the functions it names.

    Raises:
        InputError: A key is unknown or missing, or a value has the wrong type or is out of range.
    """
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise InputError(describe_errors(error, Config, "")) from error
    for path, node in _targets(config, ""):
        _check_target(path, node)
    return config


def validate_options(schema: type[Given], tree: Mapping[str, Any]) -> Given:
    """Check the options of a command.

    Raises:
        InputError: A value has the wrong type or is out of range.
    """
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        raise InputError(describe_errors(error, schema, "")) from error


def call_target(node: Mapping[str, Any] | None, **arguments: Any) -> Any:
    """Call the function that a node names with the node's arguments and these; None stays None.

    Raises:
        InputError: The function refuses its arguments, or says so itself.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(node, **arguments, _convert_="all") if node is not None else None
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        raise InputError(in_one_line(error)) from error


def dump(tree: Tree) -> str:
    """Return the text of params.yaml for a composed configuration."""
    return PARAMS_HEADER + OmegaConf.to_yaml(OmegaConf.create(tree))


def read_params(path: Path = PARAMS_FILE) -> Tree:
    """Read what runs: the composed configuration in params.yaml.

    Raises:
        InputError: The file is missing or is not YAML.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; `python -m pipeline` writes it") from error
    except UNREADABLE as error:
        reason = in_one_line(error)
        raise InputError(
            f"{path}: not YAML ({reason}); `python -m pipeline` rewrites it"
        ) from error
    if not isinstance(tree, dict):
        raise InputError(f"{path}: holds no configuration; `python -m pipeline` rewrites it")
    return tree


def bare_name(target: object) -> str:
    """Return the last part of a dotted name, as people know a function by."""
    return str(target).rpartition(".")[2]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested dicts under dotted keys; lists and empty dicts are leaves."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            leaves |= flatten(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def differing_keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Name the dotted keys at which two configurations differ."""
    left, right = flatten(one), flatten(other)
    missing = object()
    keys = sorted(left.keys() | right.keys())
    return [key for key in keys if left.get(key, missing) != right.get(key, missing)]


def suggest(unknown: str, known: list[str]) -> str:
    """Say which known name an unknown one may have meant, or which names there are."""
    close = difflib.get_close_matches(unknown, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"


def project_path(name: str | Path) -> Path:
    """Return the place of a file of the project: relative names count from its root."""
    return ROOT / name


def home() -> Path:
    """Return the folder that outlives an experiment: DVC's real root, or this project's.

    A queued DVC experiment runs in a temporary copy; DVC_ROOT still names the real one.
    """
    return Path(os.environ.get("DVC_ROOT") or ROOT)


def _targets(section: BaseModel, prefix: str) -> Iterator[tuple[str, Tree]]:
    for name, value in section:
        if isinstance(value, BaseModel):
            yield from _targets(value, f"{prefix}{name}.")
        elif isinstance(value, dict):
            yield f"{prefix}{name}", value


def _check_target(path: str, node: Tree) -> None:
    """Hold a node's arguments against the annotated signature of the function it names.

    Functions from outside this package are left to be checked when called: finding them could mean
    importing TensorFlow.
    """
    target = node.get("_target_")
    if not isinstance(target, str):
        raise InputError(f"{path}._target_: must name a function, as the files in conf/ do")
    if not target.startswith("pipeline."):
        return
    arguments = {key: value for key, value in node.items() if not key.startswith("_")}
    schema = _signature_schema(_locate(path, target))
    try:
        schema.model_validate(arguments)
    except ValidationError as error:
        raise InputError(describe_errors(error, schema, f"{path}.")) from error


def _locate(path: str, target: str) -> Callable[..., Any]:
    module_name, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{path}._target_={target}: there is no such function") from error
    if not callable(found):
        raise InputError(f"{path}._target_={target}: is not a function")
    located: Callable[..., Any] = found
    return located


def _signature_schema(function: Callable[..., Any]) -> type[BaseModel]:
    """Make a schema of what the configuration may set: keyword-only arguments, dataclass fields."""
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if is_dataclass(function) or parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (parameter.annotation, default)
    return create_model(function.__name__, __base__=Section, **fields)


def describe_errors(error: ValidationError, schema: type[BaseModel], prefix: str) -> str:
    """Put every problem of a validation on one line: key, value and what is allowed."""
    allowed: dict[str, list[str]] = {}
    for details in error.errors():
        problem, hint = _describe_one(details, schema, prefix)
        allowed.setdefault(problem, []).append(hint)
    # The alternatives of a union come as one problem each.
    return "; ".join(f"{problem}{' or '.join(hints)}" for problem, hints in allowed.items())


def _describe_one(details: ErrorDetails, schema: type[BaseModel], prefix: str) -> tuple[str, str]:
    """Return what is wrong, up to where what would be right is to follow, and that."""
    location = [str(part) for part in details["loc"]]
    fields = _fields_at(schema, location)
    if details["type"] == "extra_forbidden":
        return f"{prefix}{'.'.join(location)}: unknown key; ", suggest(location[-1], list(fields))
    # Alternatives of a union add their own names to the location: keep keys and list positions.
    keys = [
        part for part in location if part in fields or part.isdigit() or part in Config.model_fields
    ]
    if details["type"] == "missing":
        return (
            f"{prefix}{'.'.join(keys)}: missing; ",
            "conf/ must set it, and `python -m pipeline` writes it to params.yaml",
        )
    allowed = details["msg"][0].lower() + details["msg"][1:]
    return f"{prefix}{'.'.join(keys)}={details['input']!r}: ", allowed


def _fields_at(schema: type[BaseModel], location: list[str]) -> Mapping[str, Any]:
    """Return the fields of the innermost section that a location passes through."""
    section = schema
    for part in location[:-1]:
        field = section.model_fields.get(part)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        section = inner
    return section.model_fields
