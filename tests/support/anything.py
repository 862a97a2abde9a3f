"""Hypothesis strategies: any value that YAML or a command line can hold, anywhere in a tree."""

import copy

from hypothesis import strategies as st

from pipeline.config.trees import flatten

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
