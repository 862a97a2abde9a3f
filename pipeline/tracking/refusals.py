"""What MLflow refuses or cannot do, told in one line."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from pipeline.system.errors import InputError, in_one_line

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def told_in_one_line(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turn what MLflow raises, for a damaged database say, into an InputError."""

    @wraps(function)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return function(*args, **kwargs)
        except (MlflowException, SQLAlchemyError) as error:
            reason = in_one_line(str(error).partition("[SQL:")[0], 300)
            raise InputError(f"MLflow refuses: {reason}") from error

    return guarded
