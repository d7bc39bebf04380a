"""The few forms of YAML in which a YOLO set names its classes and folders; anything else is passed over, nothing is evaluated.

Read are keys without indentation whose value is a word, a list or a mapping, in one line or in several:
`train: images/train`, `names: [cat, "dog"]`, `names: {0: cat, 1: dog}`, and indented lines `- cat` or `0: cat`.
"""

from __future__ import annotations

import re

Value = str | list[str] | dict[str, str]

KEY = re.compile(r"([A-Za-z_][\w-]*)\s*:(?:\s+(.*))?$")
PAIR = re.compile(r"""("[^"]*"|'[^']*'|[^:'"]+?)\s*:(?:\s+(.*))?$""")
TOKEN = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,\[\]{}"']+|[,\[\]{}])""")
ESCAPE = re.compile(r"\\(.)")


def parse(text: str) -> dict[str, Value]:
    """The values by key.

    Examples
    --------
    >>> parse("train: images/train  # here\\nnames:\\n  0: cat\\n  1: 'hot dog'\\n")
    {'train': 'images/train', 'names': {'0': 'cat', '1': 'hot dog'}}
    """
    values: dict[str, Value] = {}
    lines = [_without_comment(line).rstrip() for line in text.splitlines()]
    at = 0
    while at < len(lines):
        found = KEY.match(lines[at])
        at += 1
        if found is None:
            continue
        key, value = found[1], (found[2] or "").strip()
        if value[:1] in ("[", "{"):
            while _open(value) and at < len(lines):
                value += f" {lines[at].strip()}"
                at += 1
            values[key] = _flow(value)
        elif value:
            values[key] = _word(value)
        else:
            block = []
            while at < len(lines) and (not lines[at] or lines[at][0] in " \t-"):
                block.append(lines[at].strip())
                at += 1
            values[key] = _block([line for line in block if line])
    return values


def _without_comment(line: str) -> str:
    """A line up to a "#" that begins it or follows a blank, outside quotes."""
    quote = ""
    for at, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'" and (at == 0 or line[at - 1] in " \t[{,:-"):
            quote = letter
        elif letter == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
    return line


def _open(value: str) -> bool:
    plain = re.sub(r"""'[^']*'|"[^"]*\"""", "", value)
    return plain.count("[") + plain.count("{") > plain.count("]") + plain.count("}")


def _flow(value: str) -> Value:
    inner = value.strip()[1:].rstrip("]} ")
    parts: list[str] = []
    fresh = True
    for found in TOKEN.finditer(inner):
        token = found[1]
        if token == ",":
            fresh = True
        elif fresh:
            parts.append(token)
            fresh = False
        else:
            parts[-1] += token
    parts = [part.strip() for part in parts]
    return [_word(part) for part in parts] if value.startswith("[") else _pairs(parts)


def _block(lines: list[str]) -> Value:
    if lines and all(line.startswith("-") for line in lines):
        return [_word(line[1:].strip()) for line in lines]
    return _pairs(lines)


def _pairs(parts: list[str]) -> dict[str, str]:
    found = (PAIR.match(part) for part in parts)
    return {_word(pair[1]): _word((pair[2] or "").strip()) for pair in found if pair}


def _word(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return ESCAPE.sub(r"\1", text[1:-1])
    return text
