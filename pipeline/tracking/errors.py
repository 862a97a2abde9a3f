"""Report MLflow's exceptions in one line."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from pipeline.system.errors import InputError, in_one_line

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def mlflow_errors_as_input_errors(
    function: Callable[Parameters, Result],
) -> Callable[Parameters, Result]:
    """Make a function raise an InputError for what MLflow raises, such as on a damaged database."""

    @wraps(function)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            # Imported late: `open_store` has to switch MLflow's telemetry off before MLflow is
            # imported.
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError

            if isinstance(error, MlflowException | SQLAlchemyError):
                raise InputError(f"MLflow failed: {reason(error, 300)}") from error
            raise

    return guarded


def reason(error: Exception, longest: int) -> str:
    """Return an error's message in one line of limited length, without its SQL statement."""
    return in_one_line(str(error).partition("[SQL:")[0], longest)
