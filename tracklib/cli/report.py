"""The report: one page that says how equal the runs of two places are.

It is made by `tracklib.cli.markup`, so that no name of a run can become markup.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from tracklib.cli.chart import chart
from tracklib.cli.markup import head, html_of, table, with_text
from tracklib.cli.page import SCRIPT
from tracklib.cli.quantities import local_time

if TYPE_CHECKING:
    from tracklib.portability.account import Account
    from tracklib.portability.comparison import Curve
    from tracklib.portability.parity import Half

__all__ = ["Report"]

_STATES = ("identical", "different", "only_a", "only_b", "open", "error")
_SHOWN = 10
"""Differences of one run; the rest are counted."""


class Report:
    """One page, whose runs wait in a temporary file until the verdict above them is known.

    Attributes:
        words: What each state is called.
    """

    def __init__(self, names: tuple[str, str], words: dict[str, str]) -> None:
        self._names = names
        self.words = words
        self._rows: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  closed by write()

    def add(self, half: Half) -> None:
        """Take in one run."""
        self._rows.write(html_of(self._row(half)) + "\n")

    def write(self, path: Path, account: Account, *, verdict: str, passed: bool) -> None:
        """Write the page."""
        with self._rows as rows, path.open("w", encoding="utf-8") as file:
            file.write('<!DOCTYPE html>\n<html lang="en">\n' + html_of(head("tracklib verify")) + "\n<body>\n")
            for part in (*self._top(account, verdict, passed=passed), *self._counts(account), *self._filters(account)):
                file.write(html_of(part) + "\n")
            rows.seek(0)
            shutil.copyfileobj(rows, file)
            script = Element("script")
            script.text = SCRIPT
            file.write(html_of(script) + "\n</body>\n</html>\n")

    def _top(self, account: Account, verdict: str, *, passed: bool) -> Iterable[Element]:
        title = with_text(Element("h1", {"class": "good" if passed else "bad"}), verdict)
        points = f"{account.compared['points']:,} points, {account.compared['files']:,} files compared, each one"
        yield title
        for letter, name in zip("AB", self._names, strict=True):
            yield with_text(Element("p"), f"{letter}: {name}")
        yield with_text(Element("p", {"class": "soft"}), points)

    def _counts(self, account: Account) -> Iterable[Element]:
        yield with_text(Element("h2"), "By week in which the runs began")
        states = [state for state in _STATES if account.states[state]]
        weeks = [(week, account.weeks[week]) for week in sorted(account.weeks)]
        rows = [
            [week, *(f"{counts[state]:,}" for state in states)] for week, counts in (*weeks, ("all", account.states))
        ]
        yield table(["week", *(self.words[state] for state in states)], rows, numbers_from=1)
        if account.one_sided:
            yield with_text(Element("h2"), "On one side only")
            alone = [
                [self.words[side], project, user, f"{runs:,}"]
                for (side, project, user), runs in account.one_sided.most_common()
            ]
            yield table(["where", "project", "user", "runs"], alone, numbers_from=3)
        if account.declared:
            yield with_text(Element("h2"), "Changed as declared, and equal after it")
            declared = [[reason, f"{count:,}"] for reason, count in account.declared.most_common()]
            yield table(["reason", "how often"], declared, numbers_from=1)

    def _filters(self, account: Account) -> Iterable[Element]:
        yield with_text(Element("h2"), "Runs")
        box = Element("div", {"class": "filters"})
        SubElement(
            box,
            "input",
            {
                "id": "words",
                "type": "search",
                "placeholder": "name, id, project, user",
                "aria-label": "Show runs with these words",
            },
        )
        choice = SubElement(box, "select", {"id": "state", "aria-label": "Show runs of this verdict"})
        with_text(SubElement(choice, "option", value=""), "all verdicts")
        for state in _STATES:
            if account.states[state]:
                with_text(SubElement(choice, "option", value=state), self.words[state])
        SubElement(box, "span", {"id": "shown", "class": "soft", "role": "status"})
        yield box

    def _row(self, half: Half) -> Element:
        run = half.run
        facts = {"class": "run", "data-state": half.state}  # no name stands in an attribute
        has_more = bool(half.comparison.found or half.error or half.comparison.declared)
        row = Element("details" if has_more else "div", facts)
        head = SubElement(row, "summary") if has_more else SubElement(row, "div", {"class": "flat"})
        with_text(SubElement(head, "span", {"class": "name"}), f"{run.name} ({run.project}/{run.id})")
        with_text(SubElement(head, "span", {"class": "soft"}), f"{local_time(run.started)} {half.user}")
        good = half.state in ("identical", "open")
        with_text(SubElement(head, "span", {"class": f"state {'good' if good else 'bad'}"}), self.words[half.state])
        if has_more:
            row.append(self._detail(half))
        return row

    def _detail(self, half: Half) -> Element:
        found = half.comparison
        detail = Element("div", {"class": "detail"})
        if half.error:
            with_text(SubElement(detail, "p", {"class": "bad"}), half.error)
        for curve in found.curves:
            detail.append(_figure(curve))
        items = SubElement(detail, "ul")
        for difference in found.differences[:_SHOWN]:
            with_text(SubElement(SubElement(items, "li"), "code"), str(difference))
        if (more := sum(found.found.values()) - _SHOWN) > 0:
            with_text(SubElement(items, "li"), f"and {more:,} more")
        for reason, count in found.declared.items():
            with_text(SubElement(items, "li", {"class": "soft"}), f"as declared: {count:,} x {reason}")
        return detail


def _figure(curve: Curve) -> Element:
    figure = Element("figure")
    figure.append(chart(curve))
    caption = SubElement(figure, "figcaption")
    with_text(SubElement(caption, "strong"), curve.key + " ")
    with_text(SubElement(caption, "span", {"class": "key-a"}), "A solid ")
    with_text(SubElement(caption, "span", {"class": "key-b"}), "B dashed ")
    sides = ("missing" if text is None else text for text in (curve.first.left, curve.first.right))
    told = f"first difference at step {curve.first.step}: A {next(sides)}, B {next(sides)}"
    with_text(SubElement(caption, "span"), f"{told}; {curve.others:,} more points differ" if curve.others else told)
    return figure
