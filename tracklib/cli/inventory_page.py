"""The inventory's page: the assessment as one file that can be mailed and kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from tracklib.cli.assessment import Assessment, code_sections
from tracklib.cli.markup import head, html_of, table, with_text
from tracklib.cli.page import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracklib.portability.codebase import CodeReport, Found

__all__ = ["write_page"]


def write_page(path: Path, assessment: Assessment | None, report: CodeReport | None) -> None:
    """Write the page."""
    with path.open("w", encoding="utf-8") as file:
        file.write('<!DOCTYPE html>\n<html lang="en">\n' + html_of(head("tracklib inventory")) + "\n<body>\n")
        for part in (*_assessed(assessment), *_code(report, is_first=assessment is None)):
            file.write(html_of(part) + "\n")
        file.write("</body>\n</html>\n")


def _assessed(assessment: Assessment | None) -> Iterator[Element]:
    if assessment is None:
        return
    for number, (title, columns, rows) in enumerate(assessment.sections()):
        yield with_text(Element("h1" if number == 0 else "h2"), title)
        cells = [list(row) for row in rows]
        if number == 0:
            yield _facts(cells)
        elif cells:
            numbers = next((place for place, name in enumerate(columns) if name.endswith(">")), len(columns))
            yield table([name.rstrip(">!") for name in columns], cells, numbers_from=numbers)
    yield from _unread("Runs that could not be read", assessment.found.unread)


def _facts(rows: list[list[str]]) -> Element:
    box = Element("div")
    for name, value in rows:
        line = SubElement(box, "p")
        with_text(SubElement(line, "span", {"class": "soft"}), f"{name}: ")
        with_text(SubElement(line, "span"), value)
    return box


def _code(report: CodeReport | None, *, is_first: bool) -> Iterator[Element]:
    if report is None:
        return
    for title, _, _ in code_sections(report):
        yield with_text(Element("h1" if is_first else "h2"), title)
    if report.found:
        yield _filters(report)
        yield from map(_use, report.found)
        script = Element("script")
        script.text = SCRIPT
        yield script
    yield from _unread("Files that could not be read", list(report.unread.items()))


def _filters(report: CodeReport) -> Element:
    box = Element("div", {"class": "filters"})
    words = {"id": "words", "type": "search", "placeholder": "file, call", "aria-label": "Show uses with these words"}
    SubElement(box, "input", words)
    choice = SubElement(box, "select", {"id": "state", "aria-label": "Show uses of this vendor"})
    with_text(SubElement(choice, "option", value=""), "all vendors")
    for vendor in sorted({each.use.vendor for each in report.found}):
        with_text(SubElement(choice, "option", value=vendor), vendor)
    SubElement(box, "span", {"id": "shown", "class": "soft", "role": "status"})
    return box


def _use(each: Found) -> Element:
    row = Element("div", {"class": "run", "data-state": each.use.vendor})
    line = SubElement(row, "div", {"class": "flat"})
    with_text(SubElement(line, "span", {"class": "name"}), each.place)
    with_text(SubElement(line, "code"), each.use.call)
    with_text(SubElement(line, "span", {"class": "good" if each.use.instead else "bad"}), each.use.instead or "by hand")
    return row


def _unread(title: str, items: list[tuple[str, str]]) -> Iterator[Element]:
    if items:
        yield with_text(Element("h2"), title)
        yield table(["", "why"], [list(item) for item in items], numbers_from=2)
