import matplotlib
import pytest

from pipeline.plots.style.look import TEXT_SIZE, styled


def test_a_styled_function_sees_our_settings_and_leaves_the_users() -> None:
    @styled
    def size() -> float:
        return matplotlib.rcParams["font.size"]

    with matplotlib.rc_context({"font.size": 31}):
        assert size() == TEXT_SIZE
        assert matplotlib.rcParams["font.size"] == 31


def test_the_users_settings_come_back_after_an_error() -> None:
    @styled
    def fail() -> None:
        raise ValueError("no figure")

    with matplotlib.rc_context({"font.size": 31}):
        with pytest.raises(ValueError, match="no figure"):
            fail()
        assert matplotlib.rcParams["font.size"] == 31
