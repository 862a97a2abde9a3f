"""Check and call the functions that a configuration names by `_target_`."""

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from pydantic import BaseModel, ValidationError, create_model

from pipeline.config.moved import current_target
from pipeline.config.schema import Section
from pipeline.config.trees import Tree, bare_name
from pipeline.config.wording import describe_errors
from pipeline.system.errors import InputError, in_one_line

# For each section that names a function: where that must be, and what it must give.
PLACES = {
    "data": ("pipeline.digits.datasets", ("Dataset", "")),
    "model": ("pipeline.digits.training", ("Model", "")),
    "train.optimizer": ("pipeline.digits.training", ("Optimizer", "")),
    "train.schedule": ("pipeline.digits.training", ("LearningRateSchedule", "")),
    "train.distortion": ("pipeline.digits.training", ("Distortion", "")),
}


def call_target(node: Mapping[str, Any] | None, **arguments: Any) -> Any:
    """Call the function that a node names, with the node's arguments and these; None gives None.

    Raises:
        InputError: The function does not accept its arguments, or raises it itself.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        # Not recursive: only the function that was checked is called.
        how = {"_convert_": "all", "_recursive_": False}
        return instantiate(node, **arguments, **how) if node is not None else None
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        raise InputError(in_one_line(error)) from error


def find_targets(section: BaseModel, prefix: str) -> Iterator[tuple[str, Tree]]:
    """Yield the dotted key and the node of every `_target_` in a section."""
    for name, value in section:
        if isinstance(value, BaseModel):
            yield from find_targets(value, f"{prefix}{name}.")
        elif isinstance(value, dict):
            yield f"{prefix}{name}", value


def check_target(path: str, node: Tree) -> None:
    """Check a node's arguments against the annotated signature of the function it names.

    A configuration can come from someone else, in params.yaml or by promote from a server's run. So
    it can name only functions that are made for its section, in the package named in PLACES.

    Raises:
        InputError: There is no such function there, or it does not take these arguments.
    """
    target = node.get("_target_")
    if not isinstance(target, str):
        raise InputError(f"{path}._target_: must name a function, as the files in conf/ do")
    if (current := current_target(target)) != target:
        raise InputError(f"{path}._target_={target}: has moved; write {current}")
    package, kinds = PLACES[path]
    if not target.startswith(f"{package}."):
        raise InputError(
            f"{path}._target_={in_one_line(target, 80)}: must name a function in {package}"
        )
    function = _locate(path, target)
    if _kind(function) not in kinds:
        raise InputError(f"{path}._target_={target}: gives a {_kind(function)}, not a {kinds[0]}")
    arguments = {key: value for key, value in node.items() if key != "_target_"}
    schema = _signature_schema(function)
    try:
        schema.model_validate(arguments)
    except ValidationError as error:
        raise InputError(describe_errors(error, schema, f"{path}.")) from error


def _locate(path: str, target: str) -> Callable[..., Any]:
    module_name, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"{path}._target_={in_one_line(target, 80)}: no such function") from error
    if not callable(found) or found.__module__ != module_name:
        raise InputError(f"{path}._target_={target}: is not a function of {module_name}")
    located: Callable[..., Any] = found
    return located


def _kind(function: Callable[..., Any]) -> str:
    """Return the name of the type that a function is annotated to return; a class returns itself.

    It is "" if there is no annotation, or one of several types: what the function gives is then
    found out when it is called.
    """
    kind = inspect.signature(function).return_annotation
    kind = function if isinstance(function, type) else kind
    if isinstance(kind, type):
        return "" if kind is inspect.Signature.empty else kind.__name__
    return bare_name(kind) if isinstance(kind, str) else ""


def _signature_schema(function: Callable[..., Any]) -> type[BaseModel]:
    """Return a schema of what the configuration may set: keyword-only arguments or fields."""
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if is_dataclass(function) or parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (parameter.annotation, default)
    return create_model(function.__name__, __base__=Section, **fields)
