"""`python -m pipeline.summary`."""

from pipeline import summary
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.schema import Options
from pipeline.stages.prepared import DatasetInfo


def test_the_summary_says_what_is_known_and_what_is_not(monkeypatch, tmp_path, capsys):
    info = DatasetInfo("test", "d" * 64, ["0", "1"], "FEW DIGITS")
    reported = []
    monkeypatch.setattr(DatasetInfo, "load", classmethod(lambda _: info))
    monkeypatch.setattr(summary, "report_drift", reported.append)
    monkeypatch.setattr(summary, "REPORTS", tmp_path)
    monkeypatch.setattr(summary, "compare_experiment", lambda _: ["as before"])
    (tmp_path / "evaluate").mkdir()
    (tmp_path / "evaluate" / "metrics.json").write_text('{"test_accuracy": 0.5}')
    config = validate(compose(["tracking=none", "predict.output=nowhere"]))
    summary.run(config, Options())
    lines = capsys.readouterr().out.splitlines()
    assert "test accuracy    50.00 %" in lines
    assert "custom accuracy  unknown" in lines
    assert "MLflow run       not recorded (tracking.enabled=false)" in lines
    assert lines[-2:] == ["FEW DIGITS", "as before"]
    assert len(reported) == 1
