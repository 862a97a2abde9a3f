"""The values that a setting can have, in words."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from pipeline.cli.help.ranges import in_words, ranges_of, ranges_of_targets
from pipeline.config.composing import compose
from pipeline.config.trees import flatten


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (int, "a whole number"),
        (Annotated[int, Field(ge=1, le=10_000)], "a whole number from 1 to 10,000"),
        (Annotated[float, Field(gt=0, le=10)], "a number above 0, at most 10"),
        (Annotated[float, Field(ge=0, lt=1)], "a number from 0 to below 1"),
        (Annotated[int, Field(ge=1)] | None, "a whole number from 1 or null"),
        (bool, "true or false"),
        (Literal["auto"] | bool, "auto or true or false"),
        (Literal["a", "b", "c"], "a, b or c"),
        (list[str] | None, "a list [A,B,…], each text or null"),
        (list[Literal["a", "b"]], "a list [A,B,…], each one of a or b"),
        (dict[str, Any], "keys and values"),
    ],
)
def test_a_range_in_words(kind, expected):
    assert in_words(TypeAdapter(kind).json_schema(), {}) == expected


def test_ranges_are_found_in_sections():
    class Inner(BaseModel):
        a: bool

    class Outer(BaseModel):
        inner: Inner
        b: int

    assert ranges_of(Outer, "x.") == {"x.inner.a": "true or false", "x.b": "a whole number"}


def test_functions_that_a_configuration_names_have_ranges_too():
    found = ranges_of_targets(flatten(compose(["model=cnn"])))
    assert found["model.convolutions"] == "a whole number from 1 to 5"
    assert found["train.optimizer.beta_1"] == "a number from 0 to below 1"
    assert "model.input_shape" not in found
