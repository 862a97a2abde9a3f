"""Report MLflow's exceptions in one line."""

import errno
import os
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from pipeline.system.errors import InputError, in_one_line

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

UNAUTHENTICATED, FORBIDDEN = 401, 403


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

            if isinstance(error, MlflowException | SQLAlchemyError) or refusal(error):
                raise InputError(f"MLflow failed: {reason(error, 300)}") from error
            raise

    return guarded


def reason(error: Exception, longest: int) -> str:
    """Return an error's message in one line of limited length, without its SQL statement."""
    return refusal(error) or in_one_line(str(error).partition("[SQL:")[0], longest)


def refusal(error: BaseException) -> str | None:
    """Return what to do where a server does not accept a user or a password; None otherwise."""
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    who = f"the user {user}" if user else "this user"
    status = _status(error)
    if status == UNAUTHENTICATED:
        return (
            f"the server does not accept {who} or the password; set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD"
        )
    if status == FORBIDDEN:
        return f"the server does not allow this to {who}; ask who runs it for the right"
    return None


def is_temporary(error: Exception) -> bool:
    """Return whether the same request may succeed later: the store is silent, busy or locked.

    A missing right or a wrong password can be mended as well.
    """
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    if (status := _status(error)) is not None:
        return status >= 500 or status in (UNAUTHENTICATED, FORBIDDEN, 408, 429)
    if isinstance(error, OSError) and error.errno:
        return error.errno != errno.ENOENT  # the disk is full, or a folder not writable
    silent = RequestException | ConnectionError | TimeoutError
    return isinstance(error, silent | SQLAlchemyError | InputError)


def is_forbidden(error: BaseException) -> bool:
    """Return whether a password is wrong, or a right is missing."""
    return _status(error) in (UNAUTHENTICATED, FORBIDDEN)


def _status(error: BaseException) -> int | None:
    """Return the status with which a server answered; None if it did not."""
    from mlflow.exceptions import MlflowException
    from requests import HTTPError

    if isinstance(error, HTTPError) and error.response is not None:
        return int(error.response.status_code)
    return int(error.get_http_status_code()) if isinstance(error, MlflowException) else None


def is_missing(error: Exception) -> bool:
    """Return whether MLflow says that what a request names does not exist."""
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) and error.error_code == "RESOURCE_DOES_NOT_EXIST"
