"""``tracklib conformance``: puts a backend to every law, on a user's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracklib.testing.conformance.published import Deviations
    from tracklib.testing.conformance.sweep import Swept
    from tracklib.testing.conformance.verdict import Verdict

__all__ = ["EXAMPLE", "conformance"]

EXAMPLE = "tracklib conformance mlflow:http://host:5000#scratch"


def conformance(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="Where runs may be written, such as mlflow:http://host:5000#scratch.",
            show_default=False,
        ),
    ],
    law: Annotated[list[str] | None, typer.Option("--law", "-l", help="Only this law; may be repeated.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the runs there, to look at them.")] = False,
    json: Json = False,
) -> int:
    """Try on your own account whether a backend holds what the support page says.

    Writes some dozens of runs, reads them back, and deletes them again, on Ctrl-C too; no other run is touched. JSON:
    backend, project, versions, published, laws, deviations, better, unexamined, removed, left, notes. Exit code 1 where
    something deviates from the page, or a run could not be deleted.
    """
    from tracklib.testing.conformance.laws import LAWS

    laws = _chosen(law, tuple(LAWS))
    examination = _Examination(place, laws, keep=keep)
    with _Display(quiet=json) as shown:
        examination.run(shown)
    return examination.show(json=json)


def _chosen(wanted: list[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    from tracklib.errors import UsageError
    from tracklib.messages import nearest

    for name in wanted or ():
        if name not in known:
            raise UsageError(f"--law: expected the name of a law, got {name!r}{nearest(name, known)}")
    return tuple(wanted or known)


class _Examination:
    """One backend under examination."""

    def __init__(self, place: str, laws: tuple[str, ...], *, keep: bool) -> None:
        from tracklib import config
        from tracklib.backends.registry import load_spec, split_entry
        from tracklib.testing.conformance.examination import new_project
        from tracklib.testing.conformance.published import published
        from tracklib.testing.conformance.subject import PlaceSubject
        from tracklib.testing.conformance.sweep import Swept

        name, location = split_entry(place)
        self._spec = load_spec(name)
        self._subject = PlaceSubject(place, config.load().tables.get(name) if location is None else None)
        self._place = place
        self._laws = laws
        self._keep = keep
        self._page: Mapping[str, Any] | None = published(self._spec)
        self._project = new_project()
        self._verdicts: list[Verdict] = []
        self._swept: Swept = Swept()

    def run(self, show: Callable[[str, list[Verdict] | None], None]) -> None:
        """Examine law by law; whatever happens, the runs are deleted again.

        Raises:
            BackendError: The place does not answer, or refuses the credentials.
        """
        from tracklib.cli.console import interruptible
        from tracklib.testing.conformance.session import Session

        self._subject.check()
        session = Session(self._subject.recipe, self._project)
        with interruptible(self._rest):
            try:
                for found in session.examine(self._laws, lambda law: show(law, None)):
                    self._verdicts += found
                    show(found[0].law if found else "", found)
            finally:
                self._sweep(session.runs, show)

    def _sweep(self, runs: list[tuple[str, str]], show: Callable[[str, list[Verdict] | None], None]) -> None:
        from tracklib.errors import TracklibError
        from tracklib.testing.conformance.sweep import sweep

        if self._keep:
            self._swept.left, self._swept.problem = runs, "as --keep asks"
            return
        show("deleting what was written", None)
        try:
            sweep(self._subject, runs, self._swept)
        except TracklibError as error:
            self._swept.problem = str(error)

    def _rest(self) -> str:
        return "; ".join(self._kept()) or f"the {self._swept.removed} runs that were written are deleted"

    def _kept(self) -> list[str]:
        """Say what is left of the runs, and where."""
        swept, told = self._swept, []
        if swept.left:
            why = f": {swept.problem}" if swept.problem else ""
            told.append(f"{len(swept.left)} runs of the project {self._project} are left in {self._place}{why}")
        return told + swept.notes

    def show(self, *, json: bool) -> int:
        """Print the account, and return the exit code."""
        from tracklib.testing.conformance.published import deviations

        found = deviations(self._verdicts, self._page, self._laws)
        if json:
            self._print_json(found)
        else:
            self._print(found)
        failed = bool(self._swept.left) and not self._keep and self._can_delete()
        return 1 if found.worse or failed else 0

    def _can_delete(self) -> bool:
        from tracklib.backends.contract import Remover

        return isinstance(self._subject.source(), Remover)

    def _print(self, found: Deviations) -> None:
        from tracklib.cli.console import out, safe, say

        for law, case in found.better:
            out().print(safe(f"published as broken, and kept here: {law}: {case}"))
        if self._page is None:
            out().print(safe(f"{self._spec.distribution} publishes no results to compare with"))
        elif told := self._other_versions():
            out().print(safe(f"the published results are of {told}"))
        if found.unexamined:
            out().print(safe(f"not examined, as only the plugin's own tests can: {', '.join(found.unexamined)}", "dim"))
        for text in self._kept():
            say(text)
        cases = len(self._verdicts)
        verdict = f"{len(found.worse)} of {cases} deviate" if found.worse else f"all {cases} are as published"
        out().print(safe(verdict, "red" if found.worse else "green"))

    def _other_versions(self) -> str:
        here, there = self._versions(), dict((self._page or {}).get("versions", {}))
        other = [f"{name} {version}, this is {here[name]}" for name, version in there.items() if name in here]
        return "" if all(here.get(name) == version for name, version in there.items()) else "; ".join(other)

    def _versions(self) -> dict[str, str]:
        from importlib.metadata import PackageNotFoundError, version

        found = {}
        for name in self._spec.sdks:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
        return found

    def _print_json(self, found: Deviations) -> None:
        from tracklib.cli.console import print_json

        laws: dict[str, dict[str, Any]] = {law: {"cases": 0, "failed": {}} for law in self._laws}
        for verdict in self._verdicts:
            told = laws.setdefault(verdict.law, {"cases": 0, "failed": {}})
            told["cases"] += 1
            if not verdict.holds:
                told["failed"][verdict.case] = verdict.problem
        page = self._page
        print_json(
            {
                "backend": self._spec.name,
                "project": self._project,
                "versions": self._versions(),
                "published": None if page is None else page["versions"],
                "laws": laws,
                "deviations": [{"law": v.law, "case": v.case, "problem": v.problem} for v in found.worse],
                "better": [{"law": law, "case": case} for law, case in found.better],
                "unexamined": found.unexamined,
                "removed": self._swept.removed,
                "left": [{"project": project, "run": run} for project, run in self._swept.left],
                "notes": self._kept(),
            }
        )


class _Display:
    """Shows which law is examined, and what came of each."""

    def __init__(self, *, quiet: bool) -> None:
        from contextlib import nullcontext

        from tracklib.cli.console import err, shows_progress

        self._quiet = quiet
        self._status: Any = err().status("asking the backend") if shows_progress() else None
        self._context: Any = self._status or nullcontext()

    def __enter__(self) -> Callable[[str, list[Verdict] | None], None]:
        self._context.__enter__()
        return self._show

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)

    def _show(self, law: str, found: list[Verdict] | None) -> None:
        from tracklib.cli.console import out, safe

        if found is None:
            if self._status is not None:
                self._status.update(safe(law))
            return
        if self._quiet or not found:
            return
        broken = [verdict for verdict in found if not verdict.holds]
        word = f"{len(broken)} of {len(found)} broken" if broken else f"holds ({len(found)})"
        out().print(safe(f"{law:<12} {word}", "red" if broken else ""))
        for verdict in broken:
            out().print(safe(f"  {verdict.case}: {verdict.problem}", "red"))
