"""The cut-over's record as a file that can be mailed and kept: a page, or Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from tracklib.cli.markup import head, html_of, table, with_text
from tracklib.messages import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracklib.portability.cutover_record import Entry, Record, Standing

__all__ = ["verdict", "write_markdown", "write_page"]

_NOTHING = "Nothing was measured yet."


def verdict(standings: list[Standing]) -> str:
    """Return what all of it comes to, in words."""
    from tracklib.cli.quantities import plural

    left = sum(not each.met for each in standings)
    return f"{plural(left, 'criterion', 'criteria')} open" if left else "all is met: the old place can be left"


def write_page(path: Path, book: Record) -> None:
    """Write the page: the verdict, the criteria with what decides each, and every entry behind them."""
    with path.open("w", encoding="utf-8") as file:
        file.write('<!DOCTYPE html>\n<html lang="en">\n' + html_of(head("tracklib cutover")) + "\n<body>\n")
        for part in _parts(book):
            file.write(html_of(part) + "\n")
        file.write("</body>\n</html>\n")


def _parts(book: Record) -> Iterator[Element]:
    standings = book.standings()
    colour = "good" if all(each.met for each in standings) else "bad"
    said = verdict(standings)
    yield with_text(Element("h1", {"class": colour}), said[0].upper() + said[1:])
    yield with_text(Element("p", {"class": "soft"}), " to ".join(book.places) if book.places else _NOTHING)
    yield with_text(Element("h2"), "Criteria")
    yield from map(_standing, standings)
    if book.damaged:
        yield with_text(Element("p", {"class": "bad"}), f"lines of the record that could not be read: {book.damaged:,}")
    if book.entries:
        yield with_text(Element("h2"), "Record")
        yield table(["time, UTC", "what", "by", "note"], map(_cells, book.entries), numbers_from=4)


def _standing(each: Standing) -> Element:
    row = Element("div", {"class": "run"})
    line = SubElement(row, "div", {"class": "flat"})
    with_text(SubElement(line, "span", {"class": "name"}), f"{each.criterion.name}: {each.criterion.text}")
    state = SubElement(line, "span", {"class": f"state {'good' if each.met else 'bad'}"})
    with_text(state, "met" if each.met else "open")
    with_text(SubElement(row, "p", {"class": "soft"}), each.told)
    return row


def _cells(entry: Entry) -> list[str]:
    """Return time, what, by and note of an entry."""
    facts = entry.facts
    states = ", ".join(f"{count:,} {state}" for state, count in facts.get("states", {}).items())
    what = f"{entry.kind} {facts.get('criterion', states)}"
    return [
        entry.time.removesuffix("+00:00").replace("T", " "),
        what,
        str(facts.get("by", "")),
        str(facts.get("note", "")),
    ]


def write_markdown(path: Path, book: Record) -> None:
    """Write the same as Markdown."""
    lines = ["# Cut-over", "", " to ".join(map(_cell, book.places)) if book.places else _NOTHING, ""]
    lines += ["| criterion | | what | why |", "|---|---|---|---|"]
    for each in book.standings():
        cells = (each.criterion.name, "met" if each.met else "open", each.criterion.text, each.told)
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    lines += ["", "## Record", "", "| time, UTC | what | by | note |", "|---|---|---|---|"]
    lines += (f"| {' | '.join(map(_cell, _cells(entry)))} |" for entry in book.entries)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _cell(text: str) -> str:
    """Write a text of any origin so that Markdown shows it as it is."""
    return "".join(f"&#{ord(char)};" if char in "&<>|\\`*_[]#~!$" else char for char in printable(text))
