"""The messages that the project's code gives a user, with "…" where a value stands."""

import ast
import re
from functools import cache
from itertools import product

from pipeline.config.places import ROOT

# What raises, prints or returns a message, and which argument the message is.
SAYS = {"InputError": 0, "PictureError": 0, "UnusableError": 0, "RunGoneError": 0, "fail": 0}
SAYS |= {"RefusedError": 1, "SystemExit": 0}
# Functions whose text becomes part of a message.
WORDED_BY = {"explain", "_explain_key", "_explain_choice", "_describe_one", "_problem", "_refresh"}
WORDED_BY |= {"refusal", "silence"}
LOGS = {"warning", "error", "critical"}
MOST = 24  # wordings of one message
VALUE = "…"
_PLACE = re.compile(r"%[-+ 0]*[\d*.,]*[sdrifgx]")


@cache
def messages():
    """Return the messages of `pipeline/` and `hydra_plugins/`: (file, line, wordings)."""
    found = []
    for path in sorted([*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("hydra_plugins/*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        outer = assigned(tree.body)
        functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
        for scope in [tree, *functions]:
            names = outer | assigned(ast.walk(scope) if scope in functions else ())
            told = [message_of(each, scope) for each in ast.walk(scope)]
            for node in [each for each in told if each]:
                file = path.relative_to(ROOT).as_posix()
                found.append((file, node.lineno, wordings(node, names)))
    return list({(file, line): (file, line, said) for file, line, said in found}.values())


def message_of(call, scope):
    """Return the argument of a call that a user reads, or what a function words; or None."""
    if isinstance(call, ast.Return) and getattr(scope, "name", "") in WORDED_BY:
        return call.value
    if not isinstance(call, ast.Call):
        return None
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name in SAYS and len(call.args) > SAYS[name]:
        return call.args[SAYS[name]]
    of_log = getattr(getattr(call.func, "value", None), "id", "") in ("log", "logging")
    return call.args[0] if name in LOGS and of_log and call.args else None


def assigned(nodes):
    """Return what names are assigned, by name: all values that each may have."""
    names = {}
    for node in nodes:
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            if isinstance(target, ast.Name):
                names.setdefault(target.id, []).append(node.value)
    return names


def wordings(node, names, depth=0):
    """Return all texts that an expression may be, with … for what only a run tells."""
    again = {"names": names, "depth": depth + 1}
    if depth > 6:
        return [VALUE]
    match node:
        case ast.Constant(value=str(text)):
            return [_PLACE.sub(VALUE, text.removeprefix("error: "))]
        case ast.JoinedStr(values=parts):
            return _joined([wordings(part, **again) for part in parts])
        case ast.FormattedValue(value=value):
            return wordings(value, **again)
        case ast.Tuple(elts=parts):
            return _joined([wordings(part, **again) for part in parts])
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _joined([wordings(left, **again), wordings(right, **again)])
        case ast.IfExp(body=body, orelse=other):
            return list(dict.fromkeys([*wordings(body, **again), *wordings(other, **again)]))
        case ast.Name(id=name) if name in names:
            found = [text for value in names[name] for text in wordings(value, **again)]
            return list(dict.fromkeys(found))[:MOST]
    return [VALUE]


def _joined(parts):
    if len(texts := [*product(*(part[:6] for part in parts))]) > MOST:
        texts = texts[:MOST]
    return list(dict.fromkeys(re.sub(f"{VALUE}+", VALUE, "".join(each)) for each in texts))


@cache
def literals():
    """Return the texts in each file of the code, one after the other."""
    files = [*ROOT.glob("pipeline/**/*.py"), ROOT / "Makefile"]
    return [_texts(path) for path in files]


def _texts(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    return "\n".join(_PLACE.sub(VALUE, each) for each in constants if isinstance(each, str))
