"""Markup: the parts of a page, into which text of any origin goes as text.

Every text goes through `xml.etree`, which escapes it, so that no name of a run can become markup; a page fetches nothing,
and forbids itself to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from tracklib.cli.page import STYLE
from tracklib.messages import printable

__all__ = ["head", "html_of", "table", "with_text"]

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def head(title: str) -> Element:
    """Return a page's head."""
    made = Element("head")
    SubElement(made, "meta", charset="utf-8")
    SubElement(made, "meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY})
    SubElement(made, "meta", name="viewport", content="width=device-width, initial-scale=1")
    with_text(SubElement(made, "title"), title)
    style = SubElement(made, "style")
    style.text = STYLE
    return made


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int) -> Element:
    """Return a table, which scrolls by itself where it is too wide; from a column on, cells are numbers."""
    box = Element("div", {"class": "scroll"})
    made = SubElement(box, "table")
    for tag, cells in (("th", titles), *(("td", row) for row in rows)):
        line = SubElement(made, "tr")
        for place, cell in enumerate(cells):
            with_text(SubElement(line, tag, {"class": "number"} if place >= numbers_from else {}), cell)
    return box


def with_text(element: Element, text: str) -> Element:
    """Give an element a text of any origin: what would not be seen, or would reorder the rest, is written out."""
    element.text = printable(text)
    return element


def html_of(element: Element) -> str:
    """Write an element down."""
    return tostring(element, encoding="unicode", method="html")
