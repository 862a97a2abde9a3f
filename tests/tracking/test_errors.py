"""What MLflow raises is reported in one line."""

import subprocess
import sys

import pytest
import requests
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, UNAUTHENTICATED
from PIL import UnidentifiedImageError

from pipeline.system.errors import InputError
from pipeline.tracking.errors import (
    is_forbidden,
    is_missing,
    is_temporary,
    mlflow_errors_as_input_errors,
)


def test_what_mlflow_and_its_database_raise_is_reported_without_the_sql():
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import OperationalError

    @mlflow_errors_as_input_errors
    def fail(error):
        raise error

    with pytest.raises(InputError, match=r"MLflow failed: a b$"):
        fail(MlflowException("a\nb"))
    with pytest.raises(InputError, match="disk") as caught:
        fail(OperationalError("select 1", None, Exception("the disk\nis full")))
    assert "select" not in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ZeroDivisionError):
        fail(ZeroDivisionError())


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (401, UNAUTHENTICATED, "not accept the user anna .*MLFLOW_TRACKING_PASSWORD$"),
        (403, PERMISSION_DENIED, "not allow this to the user anna; ask who runs it for the right$"),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_final(status, code, told, monkeypatch):
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "anna")

    @mlflow_errors_as_input_errors
    def fail(error):
        raise error

    for error in (MlflowException("API request failed", code), answer(status)):
        assert is_temporary(error)
        with pytest.raises(InputError, match=told):
            fail(error)


def answer(status):
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (requests.ConnectionError("reset by peer"), True),
        (requests.Timeout("read timed out"), True),
        (ConnectionResetError(), True),
        (OSError(28, "No space left on device"), True),
        (FileNotFoundError(2, "No such file"), False),
        (UnidentifiedImageError("cannot identify image file"), False),
        (answer(500), True),
        (answer(403), True),
        (answer(413), False),
        (InputError("the store is locked"), True),
        (ValueError("no number"), False),
    ],
    ids=str,
)
def test_what_may_pass_is_told_from_what_will_not(error, passes):
    assert is_temporary(error) == passes
    assert is_forbidden(error) == ("403" in repr(getattr(error, "response", None)))


def test_what_mlflow_refuses_is_refused_for_good():
    from mlflow.exceptions import MlflowException
    from mlflow.protos import databricks_pb2 as codes

    passes = {
        codes.INTERNAL_ERROR: True, codes.TEMPORARILY_UNAVAILABLE: True,
        codes.UNAUTHENTICATED: True, codes.PERMISSION_DENIED: True,
        codes.INVALID_PARAMETER_VALUE: False, codes.RESOURCE_DOES_NOT_EXIST: False,
    }  # fmt: skip
    for code, passing in passes.items():
        error = MlflowException("no", error_code=code)
        assert is_temporary(error) == passing
        assert is_missing(error) == (code == codes.RESOURCE_DOES_NOT_EXIST)


def test_mlflow_is_not_imported_before_its_telemetry_is_switched_off():
    """It starts on import, so whoever opens the store switches it off and imports MLflow then."""
    code = (
        "import sys\n"
        "from pipeline.tracking.errors import mlflow_errors_as_input_errors\n"
        "mlflow_errors_as_input_errors(lambda: None)()\n"
        "assert 'mlflow' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
