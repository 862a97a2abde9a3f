"""The champion, its history, and the way back."""

import pytest

from pipeline.system.errors import InputError
from pipeline.tracking.registry.names import REGISTERED_MODEL


@pytest.fixture
def champions(registry, registered):
    """Offer the champions; afterwards they are as the other tests expect them."""
    yield registry.champions
    registry.champions._set_history(list(registered.versions.values()))


def alias(client, name):
    return client.get_registered_model(REGISTERED_MODEL).aliases.get(name)


def test_the_champion_before_becomes_champion_again(champions, registered, client):
    good, better = registered.versions.values()
    assert champions.current() == better
    assert alias(client, "previous") == good
    assert champions.roll_back() == (better, good)
    assert champions.current() == good
    assert alias(client, "previous") is None
    with pytest.raises(InputError, match="no earlier champion"):
        champions.roll_back()


def test_an_alias_that_was_moved_by_hand_has_the_last_word(champions, registered, client):
    good, better = registered.versions.values()
    client.set_registered_model_alias(REGISTERED_MODEL, "champion", str(good))
    assert champions.current() == good
    assert champions.roll_back() == (good, better)


def test_a_version_that_was_deleted_is_no_longer_gone_back_to(champions, registered, client):
    good, better = registered.versions.values()
    source = client.get_model_version(REGISTERED_MODEL, str(good)).source
    deleted = int(client.create_model_version(REGISTERED_MODEL, source).version)
    champions.set_champion(deleted)
    champions.set_champion(good)
    client.delete_model_version(REGISTERED_MODEL, str(deleted))
    assert champions.roll_back() == (good, better)
