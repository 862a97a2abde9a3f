"""The registered model, loaded where nothing of this project is."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

UNSURE_BELOW = 0.7  # as conftest.py registers it


@pytest.fixture
def uri(registered, client):
    import mlflow

    mlflow.set_tracking_uri(client.tracking_uri)
    return f"models:/digits/{registered.versions['better']}"


def test_the_registered_model_reads_pictures_without_this_project(uri, store, networks, tmp_path):
    """Loaded where nothing of the project can be imported, it brings its own code."""
    code = f"""
        import sys
        sys.path = [entry for entry in sys.path if "pipeline" not in entry]
        sys.meta_path = [each for each in sys.meta_path if "editable" not in str(each)]
        import cv2, mlflow, numpy as np, pandas as pd
        mlflow.set_tracking_uri("sqlite:///{store / "mlflow.db"}")
        model = mlflow.pyfunc.load_model("{uri}")
        import pipeline.digits.serving
        assert "{store}" in pipeline.digits.serving.__file__, pipeline.digits.serving.__file__
        assert not {{"tensorflow", "keras"}} & set(sys.modules)
        images = np.load("{networks / "test.npz"}")["images"]
        seven = cv2.imencode(".png", 255 - images[7])[1].tobytes()
        both = model.predict(images[[7, 19]])
        assert list(both.columns) == ["digit", "confidence", "alternatives", "status", "detail"]
        assert both.digit.notna().all(), both
        assert [len(each) for each in both.alternatives] == [3, 3]
        table = pd.DataFrame({{"picture": [seven]}})
        assert len(model.predict(pd.DataFrame(images[[7, 19]].reshape(2, -1)))) == 2
        for pictures in (seven, [seven], table, np.array([seven], object)):
            assert model.predict(pictures).status.tolist() != ["error"]
        bad = model.predict([b"", "text", 3.5, seven])
        assert bad.status.tolist()[:3] == ["error"] * 3
        assert bad.digit.isna().tolist() == [True] * 3 + [False]
        unsure = model.predict(images[[7]], params={{"unsure_below": 1.0}})
        assert unsure.status.tolist() == ["unsure"]
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_registered_model_is_as_sure_as_configured(uri):
    from mlflow.models import get_model_info

    (threshold,) = get_model_info(uri).signature.params.params
    assert (threshold.name, threshold.default) == ("unsure_below", UNSURE_BELOW)


def test_the_registered_model_requires_no_tensorflow(uri):
    from mlflow.pyfunc import get_model_dependencies

    lines = Path(get_model_dependencies(uri)).read_text().split()
    names = {line.partition("==")[0] for line in lines}
    assert names == {
        "mlflow", "numpy", "onnxruntime", "opencv-python-headless", "pandas", "pillow"
    }  # fmt: skip
    assert all("==" in line for line in lines)
