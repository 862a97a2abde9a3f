"""Whatever a configuration holds: it is accepted, or refused in a message that names the key."""

from hypothesis import given
from support.anything import changed_trees

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.system.errors import InputError


@given(changed_trees(compose(["experiment=cnn", "data=folder", "data.path=x"])))
def test_any_tree_is_accepted_or_refused_by_a_message_that_names_a_key(changed):
    tree, paths = changed
    try:
        validate(tree)
    except InputError as error:
        message = str(error)
        assert len(message) < 2000
        assert any(is_named(path, message) for path in paths), (message, paths)


def is_named(path, message):
    """Return whether a message names a key or the section that holds it."""
    *section, key = map(str, path)
    return key in message or bool(section and ".".join(section) in message)
