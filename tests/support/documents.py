"""The documents of the project, taken apart: blocks, commands, settings, links and paths."""

import re
import shlex
from dataclasses import dataclass

from pipeline.config.places import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]

_BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_NOT_RUN = re.compile(r"<!--\s*not run\b:?\s*((?:(?!-->).)*?)\s*-->\s*\Z", re.DOTALL)
_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"\w+=")
_SETTING = re.compile(r"[+~]{0,2}[a-z_][\w./]*=[^=\s].*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document.

    Attributes:
        document: The document's name, such as "docs/dvc.md".
        line: The number of its first line.
        language: What is written after the fence, such as "sh".
        text: What is in it.
        not_run: Why no test runs it; "" if it is marked without a reason, None if it is run.
    """

    document: str
    line: int
    language: str
    text: str
    not_run: str | None


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name, text=None):
    """Return the fenced blocks of a document, in order."""
    text = read(name) if text is None else text
    found = []
    for match in _BLOCK.finditer(text):
        before = _NOT_RUN.search(text, 0, match.start())
        line = text.count("\n", 0, match.start()) + 2
        body = re.sub(f"^{match[1]}", "", match[3], flags=re.MULTILINE)
        found.append(Block(name, line, match[2], body, before and before[1]))
    return found


def shell(name):
    """Return the blocks of a document that a shell runs."""
    return [block for block in blocks(name) if block.language == "sh"]


def prose(name):
    """Return a document without its blocks and comments."""
    return re.sub(r"<!--.*?-->", "", _BLOCK.sub("", read(name)), flags=re.DOTALL)


def spans(name):
    """Return what stands between backquotes in a document's prose, each once."""
    return list(dict.fromkeys(" ".join(span[2].split()) for span in _SPAN.finditer(prose(name))))


def links(name):
    """Return the targets of a document's links and pictures."""
    return _LINK.findall(_SPAN.sub("", prose(name)))


def anchors(path):
    """Return the anchors of a document's headings, as a forge makes them."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|<!--.*?-->", "", heading))
        .strip()
        .lower()
        .replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


def commands(text):
    """Return the commands of a block or span, each as a list of words; comments are left out."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>")
        lexer.whitespace_split, lexer.commenters = True, ""
        words = []
        try:
            for word in lexer:
                if word.startswith("#"):
                    break
                words.append(word)
        except ValueError:  # a quote that is closed on another line, or prose
            continue
        current = []
        for word in [*words, ";"]:
            if re.fullmatch(r"[;&|<>]+", word):
                found.append(current)
                current = []
            elif current or not _ASSIGNMENT.match(word):
                current.append(word)
    return [words for words in found if words]


def settings(name):
    """Return the spans of a document's prose that only set something, each as a list of words."""
    found = [[word.strip("'") for word in span.split()] for span in spans(name)]
    return [words for words in found if all(_SETTING.fullmatch(word) for word in words)]
