"""What MLflow raises is reported in one line."""

import subprocess
import sys

import pytest
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, UNAUTHENTICATED

from pipeline.system.errors import InputError
from pipeline.tracking.errors import is_temporary, mlflow_errors_as_input_errors


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


def refused(status, code):
    """Return what MLflow raises where a server refuses a request, and one for artifacts."""
    from mlflow.exceptions import MlflowException
    from requests import HTTPError, Response

    answer = Response()
    answer.status_code = status
    return MlflowException("API request failed", code), HTTPError(response=answer)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (401, UNAUTHENTICATED, "not accept the user anna .*MLFLOW_TRACKING_PASSWORD$"),
        (403, PERMISSION_DENIED, "not allow this to the user anna; ask who runs it for the right$"),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_final(status, code, told, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "anna")

    @mlflow_errors_as_input_errors
    def fail(error):
        raise error

    for error in refused(status, code):
        assert is_temporary(error)
        with pytest.raises(InputError, match=told):
            fail(error)


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
