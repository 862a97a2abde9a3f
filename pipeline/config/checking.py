"""Check a configuration before anything runs on it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pipeline.config.schema import AnyOptions, Config
from pipeline.config.targets import check_target, find_targets
from pipeline.config.trees import flatten
from pipeline.config.wording import describe_errors
from pipeline.system.errors import InputError, in_one_line

# In a text. By the time that a configuration is checked, its own interpolations are resolved; one
# that came with somebody's run could read this machine's environment.
FORBIDDEN = {"\0": "a zero byte", "${": "an interpolation; write the value itself"}


def validate(tree: Mapping[str, Any]) -> Config:
    """Check a composed configuration against the schema and against the functions it names.

    Raises:
        InputError: A key is unknown or missing, or a value has the wrong type or is out of range.
    """
    for key, value in flatten(tree).items():
        for part, what in FORBIDDEN.items():
            if isinstance(value, str) and part in value:
                raise InputError(f"{key}={in_one_line(repr(value), 80)}: holds {what}")
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise InputError(describe_errors(error, Config, "")) from error
    for path, node in find_targets(config, ""):
        check_target(path, node)
    return config


def validate_options(schema: type[AnyOptions], tree: Mapping[str, Any], at: str = "") -> AnyOptions:
    """Check the options of a command.

    Args:
        schema: What they may be.
        tree: The options.
        at: What stands before their names where they are set, such as "race.".

    Raises:
        InputError: A value has the wrong type or is out of range.
    """
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        raise InputError(describe_errors(error, schema, at)) from error


def check_numbers(*, trained: bool) -> None:
    """Check that the network is, or will be, trained which reads numbers.

    Raises:
        InputError: It is not.
    """
    if not trained:
        raise InputError(
            "predict.mode=number: no network for lines is trained; "
            "`digits lines.rounds=120 predict.mode=number` trains one and reads with it"
        )
