"""Tell in one line what MLflow refuses or cannot do."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from pipeline.system.errors import InputError, in_one_line

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def mlflow_errors_as_input_errors(
    function: Callable[Parameters, Result],
) -> Callable[Parameters, Result]:
    """Turn what MLflow raises, for a damaged database for example, into an InputError."""

    @wraps(function)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            # Not imported earlier: `open_store` switches MLflow's telemetry off, which works only
            # before MLflow is imported.
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError

            if isinstance(error, MlflowException | SQLAlchemyError):
                raise InputError(f"MLflow refuses: {reason(error, 300)}") from error
            raise

    return guarded


def reason(error: Exception, longest: int) -> str:
    """Return what an error says, in one line of limited length and without its SQL statement."""
    return in_one_line(str(error).partition("[SQL:")[0], longest)
