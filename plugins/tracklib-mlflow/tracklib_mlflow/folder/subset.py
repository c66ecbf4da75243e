"""The subset of YAML in which MLflow writes ``meta.yaml``, read strictly: what is outside it is refused by name.

MLflow writes with PyYAML's ``safe_dump`` in block style: a mapping of plain and quoted scalars, empty collections, and, for
tags, a mapping or a list below a key. Anchors, tags, flow collections, block scalars and comments never stand there, so a
file that has one is not MLflow's, and nothing of YAML's machinery for them is needed.
"""

from __future__ import annotations

import math
import re
from typing import TypeAlias, Union

from tracklib.errors import BadValueError

__all__ = ["Value", "read_mapping"]

Value: TypeAlias = Union[str, int, float, bool, "list[Value]", "dict[str, Value]", None]

_DEEPEST = 4
_LONGEST_INT = 1000
_KEY = re.compile(
    r"(?P<plain>(?:[^\s'\"#\[\]{},&*!|>%@`?:-]|[?:-](?=[^\s]))(?:[^:#\n]|:(?=[^\s])|(?<=[^\s])#)*):(?=[ \n]|\Z)"
)
_QUOTED_KEY = re.compile(r"'(?:[^'\n]|'')*':(?=[ \n]|\Z)|\"(?:[^\"\\\n]|\\.)*\":(?=[ \n]|\Z)")
_SIMPLE_LINE = re.compile(
    r"([a-z][a-z_]*): (?:(0|-?[1-9][0-9]{0,17})|'([^'\n\u2028\u2029]*)'|([A-Za-z/][A-Za-z0-9_/-]*|\[\]))(?:\n(?![ \n])|\Z)"
)
_PLAIN_WORDS: dict[str, Value] = {"null": None, "Null": None, "NULL": None, "[]": []}
_SPACES = re.compile(r" *")
_BLANK_LINES = re.compile(r"(?: *\n)*(?: *\Z)?")
_REFUSED = {
    "&": "an anchor", "*": "an alias", "!": "a tag", "|": "a block scalar", ">": "a block scalar", "[": "a flow list",
    "{": "a flow mapping", "#": "a comment", "%": "a directive", "@": "a reserved character", "`": "a reserved character",
    "?": "a complex key", ",": "a flow list", "]": "a flow list", "}": "a flow mapping",
}  # fmt: skip

# YAML 1.1, as PyYAML's resolver has it.
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF")
_TRUE = frozenset({"yes", "true", "on"})
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?|\.[0-9]+(?:[eE][-+][0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_STRANGE = (
    (re.compile(r"[-+]?(?:0b[01_]+|0[0-7_]+|0x[0-9a-fA-F_]+)"), "a number that is not decimal"),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+][0-9]+)?)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"),
        "a strange number",
    ),
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"), "a number to the base 60"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:.*"), "a date"),
    (re.compile(r"=|<<"), "a merge"),
)
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b", " ": " ",
    '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_BREAKS = ("\n", "\u2028", "\u2029")
_OTHER_BREAKS = re.compile("\r\n?|\x85")
_PIECE = {
    "'": re.compile(r"''|'| *[\n\u2028\u2029][ \n\u2028\u2029]*|[^'\n\u2028\u2029 ]+| +"),
    '"': re.compile(r'"| *[\n\u2028\u2029][ \n\u2028\u2029]*|\\|[^"\\\n\u2028\u2029 ]+| +'),
}
_HEX = {"x": 2, "u": 4, "U": 8}


def read_mapping(text: str) -> dict[str, Value]:
    """Return the mapping that a text of the subset holds.

    Raises:
        BadValueError: It is no such text; the message says what stands in it, and in which line.
    """
    reader = _Reader(_OTHER_BREAKS.sub("\n", text))
    reader.skip_blank_lines()
    if reader.is_at_end():
        raise BadValueError("expected a mapping, got an empty file")
    if text.strip() == "{}":
        return {}
    found = reader.mapping(reader.indent(), 1)
    if not reader.is_at_end():
        raise reader.refused("a line that is indented otherwise than those above it")
    return found


class _Reader:
    """Reads a text from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def refused(self, what: str) -> BadValueError:
        """Return the error that names what stands here."""
        line = self._text.count("\n", 0, self._at) + 1
        return BadValueError(f"expected the YAML that MLflow writes, got {what} in line {line}")

    def is_at_end(self) -> bool:
        return self._at >= len(self._text)

    def skip_blank_lines(self) -> None:
        self._at = _skipped(_BLANK_LINES, self._text, self._at)

    def indent(self) -> int:
        """Return the spaces from here on."""
        return _skipped(_SPACES, self._text, self._at) - self._at

    def mapping(self, column: int, depth: int, *, is_begun: bool = False) -> dict[str, Value]:
        """Read the lines of a mapping whose keys stand at a column.

        Args:
            is_begun: The first key stands here, behind the dash of a list's item.
        """
        if depth > _DEEPEST:
            raise self.refused("a mapping in too many others")
        found: dict[str, Value] = self._simple_lines() if column == 0 and not is_begun else {}
        while is_begun or (not self.is_at_end() and self.indent() == column and not self._is_item(column)):
            self._at += 0 if is_begun else column
            is_begun = False
            key = self._key()
            if key in found:
                raise self.refused(f"the key {key!r} twice")
            found[key] = self._value(column, depth)
            self.skip_blank_lines()
        if not self.is_at_end() and self.indent() > column:
            raise self.refused("a line that is indented otherwise than those above it")
        return found

    def _simple_lines(self) -> dict[str, Value]:
        """Read lines as long as they are of the kind that nearly all are: it takes a tenth of the time."""
        found: dict[str, Value] = {}
        while (line := _SIMPLE_LINE.match(self._text, self._at)) is not None:
            key, number, quoted, plain = line.groups()
            if key in found or (plain is not None and _BOOL.fullmatch(plain)):
                break
            found[key] = int(number) if number else quoted if quoted is not None else _PLAIN_WORDS.get(plain, plain)
            self._at = line.end()
        return found

    def _items(self, column: int, depth: int) -> list[Value]:
        found: list[Value] = []
        while not self.is_at_end() and self.indent() == column and self._is_item(column):
            self._at += column + 1
            inner = self.indent()
            if self._is_key(self._at + inner):
                self._at += inner
                found.append(self.mapping(column + 1 + inner, depth + 1, is_begun=True))
            else:
                found.append(self._scalar(column))
            self.skip_blank_lines()
        return found

    def _is_item(self, column: int) -> bool:
        return self._text[self._at + column : self._at + column + 2] in ("- ", "-\n", "-")

    def _is_key(self, at: int) -> bool:
        if self._text[at : at + 1] in ("'", '"'):
            return _QUOTED_KEY.match(self._text, at) is not None
        return _KEY.match(self._text, at) is not None

    def _key(self) -> str:
        char = self._text[self._at]
        if char in ("'", '"'):
            key = self._quoted(char)
            if self._text[self._at : self._at + 1] != ":":
                raise self.refused("a text without a key")
            self._at += 1
            return key
        if (found := _KEY.match(self._text, self._at)) is None:
            raise self.refused(_REFUSED.get(char, "a line without a key"))
        self._at = found.end()
        key = found["plain"].rstrip(" ")
        if not isinstance(resolved := self._resolved(key), str):
            raise self.refused(f"the key {resolved!r}, which is no text")
        return key

    def _value(self, column: int, depth: int) -> Value:
        if self._rest().strip(" "):
            return self._scalar(column)
        self._at = self._line_end() + 1
        self.skip_blank_lines()
        if self.is_at_end():
            return None
        inner = self.indent()
        if inner >= column and self._is_item(inner):
            return self._items(inner, depth + 1)
        if inner <= column:
            return None
        if self._is_key(self._at + inner):
            return self.mapping(inner, depth + 1)
        return self._scalar(column)

    def _scalar(self, column: int) -> Value:
        """Read what stands from here on, in this line and those that go on with it, which are indented further."""
        self._at += self.indent()
        char = self._text[self._at : self._at + 1]
        if char in ("'", '"'):
            text = self._quoted(char)
            if self._rest().strip(" "):
                raise self.refused("something behind a quoted text")
            self._at = self._line_end() + 1
            return text
        empty: dict[str, Value] = {"[]": [], "{}": {}}
        if (word := self._rest().strip(" ")) in empty:
            self._at = self._line_end() + 1
            return empty[word]
        if char in _REFUSED or word == "-" or word.startswith(("- ", "--- ", ": ")):
            raise self.refused(_REFUSED.get(char, "an item without a list"))
        return self._resolved(self._plain(column))

    def _plain(self, column: int) -> str:
        text, breaks = "", 0
        while True:
            line = self._rest().strip(" ")
            if re.search(r":(?: |\Z)|(?:\A| )#|[\t\u2028\u2029]", line):
                raise self.refused("a comment, a tab or a second key in a plain text")
            if line:
                text += ("\n" * (breaks - 1) if breaks > 1 else " " if text else "") + line
                breaks = 0
            self._at = self._line_end() + 1
            breaks += 1
            if self.is_at_end() or (self._rest().strip(" ") and self.indent() <= column):
                return text

    def _quoted(self, quote: str) -> str:
        """Read a quoted text, whose lines are folded: one break is a space, further ones are breaks."""
        self._at += 1
        parts: list[str] = []
        while not self.is_at_end():
            found = _PIECE[quote].match(self._text, self._at)
            assert found is not None  # every character is a piece of some kind
            piece, self._at = found[0], found.end()
            if piece == quote:
                return "".join(parts)
            if quote == "'" and piece == "''":
                parts.append("'")
            elif breaks := piece.replace(" ", "") if piece.strip(" ")[:1] in _BREAKS else "":
                parts.append(" " if breaks == "\n" else breaks.removeprefix("\n"))
            elif piece == "\\":
                parts.append(self._escape())
            else:
                parts.append(piece)
        raise self.refused("a quoted text that does not end")

    def _escape(self) -> str:
        """Read what stands behind a backslash."""
        self._at -= 1
        char = self._text[self._at + 1 : self._at + 2]
        if char == "\n":  # the line goes on in the next, without a space
            self._at = _skipped(_SPACES, self._text, self._at + 2)
            return ""
        if char in _HEX:
            digits = self._text[self._at + 2 : self._at + 2 + _HEX[char]]
            if not re.fullmatch(f"[0-9a-fA-F]{{{_HEX[char]}}}", digits) or int(digits, 16) > 0x10FFFF:
                raise self.refused("an escape that is none")
            self._at += 2 + _HEX[char]
            return chr(int(digits, 16))
        if char not in _ESCAPES:
            raise self.refused("an escape that is none")
        self._at += 2
        return _ESCAPES[char]

    def _resolved(self, text: str) -> Value:
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            return text.lower() in _TRUE
        if _INT.fullmatch(text) and len(text) < _LONGEST_INT:
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if (found := _SPECIAL.fullmatch(text)) is not None:
            return math.nan if found[1] is None else float(f"{found[1]}inf")
        if (strange := next((word for kind, word in _STRANGE if kind.fullmatch(text)), None)) is not None:
            raise self.refused(strange)
        return text

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _rest(self) -> str:
        return self._text[self._at : self._line_end()]


def _skipped(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Return where a pattern, which may be empty, ends."""
    found = pattern.match(text, at)
    return found.end() if found is not None else at
