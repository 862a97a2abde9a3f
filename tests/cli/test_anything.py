"""Whatever is typed or in params.yaml, a command runs, or says in one line why not."""

import copy

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.starting import refusal

from pipeline.cli.messages import printable
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.params import dump
from pipeline.config.trees import flatten
from pipeline.system.errors import InputError, in_one_line

# Mostly what means something to YAML, to Hydra or to a shell; some letters and a control code.
TEXT = st.text("ab1.,:=[]{}()'\"$\\/@~+-*#&!%<|? \n\x1bé数", max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 1, 2, 10**5, 2**63, 10**400])
    | st.floats()
    | TEXT
    | st.sampled_from(
        ["", "null", "1", "???", "${seed}", "${oc.env:HOME}", "${x}", "\x00", "é/../."]
    )
)
KEYS = TEXT | st.sampled_from(["_target_", "_args_", "_partial_", "path", "low"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
TARGETS = st.sampled_from(
    [
        *("os.system", "builtins.exec", "pipeline", "pipeline.", "", ".", "..a", "a b", "os"),
        *("pipeline.digits.training.networks.mlp", "pipeline.digits.training.networks.cnn"),
        *("pipeline.digits.training.networks.np.save", "pipeline.digits.training.networks.Field"),
        *("pipeline.digits.datasets.mnist.mnist", "pipeline.digits.datasets.folders.folder"),
        *("pipeline.digits.training.optimizers.adam", "pipeline.digits.training.optimizers.cosine"),
        *("pipeline.system.files.write_text", "pipeline.stages.prepare.main", "pipeline.nowhere.f"),
        "pipeline.digits.training.augmentation.Distortion",
    ]
)


DAMAGE = TEXT | st.sampled_from(
    [
        *("&a ", "*a", "&a [*a]", "!!python/object/apply:os.system [ls] ", "<<: ", "---\n", "\t"),
        *(
            "2020-02-30",
            "9" * 5000,
            "[" * 3000,
            "\ud800",
            "? ",
            "|",
            ">",
            "%YAML 9\n",
            "!!binary a",
        ),
    ]
)


@st.composite
def changed_trees(draw, tree):
    """Return a tree with one to three places changed, and the dotted keys of these places."""
    changed = copy.deepcopy(tree)
    keys = []
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(changed)))
        node = changed
        for key in path[:-1]:
            node = node[key]
        change = draw(st.sampled_from(["replace", "replace", "remove", "add", "target"]))
        last = path[-1]
        if change == "remove":
            del node[last]
        elif change == "add":
            last = draw(KEYS | st.integers() | st.none())
            node[last] = draw(VALUES)
        elif change == "target":
            last = draw(st.sampled_from([last, "_target_"]))
            node[last] = draw(TARGETS)
        else:
            node[last] = draw(VALUES)
        keys.append((*path[:-1], last))
        if not changed:
            break
    return changed, keys


def places(tree, above=()):
    """Return the path of every key of a tree."""
    own = [(*above, key) for key in tree]
    return own + [
        p
        for key, node in tree.items()
        if isinstance(node, dict) and node
        for p in places(node, (*above, key))
    ]


@st.composite
def overrides(draw, tree):
    """Return arguments as a person may type them, right and wrong."""
    known = [
        *flatten(tree),
        *tree,
        "model",
        "data",
        "train/optimizer",
        "experiment",
        "hydra.job.name",
    ]
    key = draw(st.sampled_from(known) | TEXT)
    value = draw(
        LEAVES.map(str)
        | TARGETS
        | TEXT
        | st.sampled_from(
            ["[", "[1,2]", "{a:1}", "{a:{b:[1]}}", "1,2", "range(1,3)", "glob(*)", "'", '"']
        )
    )
    prefix = draw(st.sampled_from(["", "", "", "+", "++", "~", "-", "--"]))
    joint = draw(st.sampled_from(["=", "=", "=", "", "=="]))
    return f"{prefix}{key}{joint}{value}".replace("\x00", "")


RUN_ON_PARAMS = [
    *(f"pipeline.stages.{name}" for name in ("prepare", "train", "evaluate", "predict_custom")),
    *(f"pipeline.{name}" for name in ("read", "register", "report", "ui", "status", "record")),
]
COMPOSE = ["pipeline.__main__", "pipeline.sweep", "pipeline.search", "pipeline.promote"]
TREE = compose(["data=mnist_5000"])
OPTIONS = {"run": None, "runs": None, "last": 1, "port": 1, "search": {"trials": 1}, "race": {}}


FEWER = settings(max_examples=settings.default.max_examples // 3)  # a start takes its time


@FEWER
@given(
    st.sampled_from(RUN_ON_PARAMS + COMPOSE),
    st.lists(overrides({**TREE, **OPTIONS}), min_size=1, max_size=3),
)
def test_any_arguments_are_accepted_or_refused_in_one_line_that_names_one(name, arguments):
    line = refusal(name, arguments, dump(TREE))
    if line is not None:
        keys = [printable(in_one_line(each.lstrip("+~-").split("=")[0])) for each in arguments]
        assert any(key[1:20] in line for key in keys), (line, arguments)


@FEWER
@given(st.sampled_from(RUN_ON_PARAMS), changed_trees(TREE))
def test_any_params_yaml_is_accepted_or_refused_in_one_line(name, changed):
    refusal(name, [], yaml.safe_dump(changed[0], allow_unicode=True))


@FEWER
@given(st.integers(0, len(dump(TREE))), st.integers(0, 3), DAMAGE)
def test_a_damaged_params_yaml_is_accepted_or_refused_in_one_line(place, lost, inserted):
    text = dump(TREE)
    damaged = text[:place] + inserted + text[place + lost :]
    refusal("pipeline.stages.prepare", [], damaged)


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
