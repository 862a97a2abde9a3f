"""Figures in the documents are those of the measurements, renewed by a script."""

import json

import pytest

from benchmarks import quoting
from pipeline.config.places import ROOT

TABLE = """# Measured

| what | result | command | date |
|---|---|---|---|
| best: accuracy | 99.71 % (99.67 to 99.72, 5 runs) | `python -m benchmarks.accuracy` | 2026-11-26 |
| best: seconds | 1983.69 s | `python -m benchmarks.accuracy` | 2026-11-25 |
| serving | 4.83× (4.60 to 5.80, 3 runs); 1069 against 209 | `python -m benchmarks.serving` | 2026-11-29 |
"""  # noqa: E501


@pytest.fixture
def root(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "reports").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "benchmarks" / "results.md").write_text(TABLE)
    figures = {"accuracy": 0.99215, "one": {"two": 7}, "stand_in": False}
    (tmp_path / "reports" / "evaluate.json").write_text(json.dumps(figures))
    return tmp_path


def quoted(text, root, check=False):
    return quoting.quoted_anew(text, root, "README.md", check)


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        (
            "best: accuracy",
            "12.34 % (1.0 to 1.0, of 8 seeds)",
            "99.71 % (99.7 to 99.7, of 5 seeds)",
        ),
        ("best: sec [1 /60]", "5 min", "33 min"),
        ("serving", "4.8 times", "4.8 times"),
        ("serving [5 6]", "1 against 2", "1,069 against 209"),
        ("serving [date]", "2020", "2026-11-29"),
        ("serving [command]", "", "`python -m benchmarks.serving`"),
        ("reports/evaluate.json accuracy [*100]", "1.00 %", "99.22 %"),
        ("reports/evaluate.json one.two", "1,000", "7"),
    ],
)
def test_a_figure_is_renewed_and_its_words_stay(root, source, old, new):
    text = f"About <!--quote {source}-->{old}<!--end-->, it is."
    assert quoted(text, root) == (text.replace(f">{old}<", f">{new}<"), [])


def test_checking_names_the_line_what_stands_there_and_what_should(root):
    text = "One.\n\nTwo <!--quote best:\naccuracy-->99.70 %<!--end-->"
    unchanged, (finding,) = quoted(text, root, check=True)
    assert unchanged == text
    assert finding.place == "README.md:3"
    assert finding.message == "'99.70 %' should be '99.71 %' (best: accuracy)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a <!--quote gone-->1<!--end-->", "no row of benchmarks/results.md begins with 'gone'"),
        ("a <!--quote best-->1<!--end-->", "2 rows of benchmarks/results.md begin with 'best'"),
        ("a <!--quote serving [7]-->1<!--end-->", "7: serving has 6 figures"),
        ("a <!--quote serving [x]-->1<!--end-->", "[x] is not date"),
        ("a <!--quote best: seconds-->1 and 2<!--end-->", "has more figures than best: seconds"),
        ("a <!--quote reports/a.json b-->1<!--end-->", "there is no reports/a.json"),
        ("a <!--quote reports/evaluate.json b-->1<!--end-->", "has no number 'b'"),
        ("a <!--quote reports/evaluate.json stand_in-->1<!--end-->", "has no number 'stand_in'"),
        ("a <!--quote serving-->1", "a marker without its pair"),
        ("a 1<!--end-->", "a marker without its pair"),
        ("<!--quote serving-->4.8<!--end-->", "a line begins with a marker"),
    ],
)
def test_a_marker_that_quotes_nothing_is_named(root, text, message):
    unchanged, (finding,) = quoted(text, root)
    assert unchanged == text
    assert message in finding.message


def test_the_command_renews_the_documents_and_fails_where_it_cannot(root, monkeypatch, capsys):
    (root / "README.md").write_text("a <!--quote serving-->4.9<!--end-->\n")
    (root / "docs" / "more.md").write_text("a <!--quote gone-->4.9<!--end-->\n")
    monkeypatch.setattr(quoting, "ROOT", root)
    for arguments, left in (["--check"], 2), ([], 1):
        monkeypatch.setattr("sys.argv", ["quoting", *arguments])
        with pytest.raises(SystemExit, match=f"{left} quoted figures"):
            quoting.main()
    assert "docs/more.md:1: no row" in capsys.readouterr().err
    assert (root / "README.md").read_text() == "a <!--quote serving-->4.8<!--end-->\n"


def test_the_documents_quote_what_was_measured():
    for path in quoting.documents(ROOT):
        text = path.read_text(encoding="utf-8")
        assert not quoting.quoted_anew(text, ROOT, path.name, check=True)[1]
