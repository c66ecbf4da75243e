"""What ``tracklib backup --check`` and ``tracklib verify bundle:...`` say of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracklib.portability.bundle.catalog import Catalog
    from tracklib.portability.bundle.inspection import Found

__all__ = ["check_bundle", "verify_bundle"]


def check_bundle(words: list[str], max_age: str | None, *, deep: bool, json: bool) -> int:
    """Say in one line whether a bundle is recent and whole; return the exit code."""
    from tracklib.cli.bundles import open_bundle
    from tracklib.cli.quantities import duration
    from tracklib.errors import UsageError
    from tracklib.portability.places import name_of, open_place

    if len(words) not in (1, 2):
        raise UsageError(f"--check: expected a bundle, or where its runs come from and it, got {len(words)} places")
    limit = None if max_age is None else duration(max_age)
    place, catalog = open_bundle(words[-1], fresh=True)
    catalog.refresh()
    from tracklib.portability.bundle.inspection import Inspection

    source = name_of(open_place(words[0])) if len(words) == 2 else None
    stale, age, snapshot = _age(catalog, source, limit)
    runs, problems = 0, stale
    for found in Inspection(catalog, deep=deep):
        runs += found.run is not None
        problems += [f"{_who(found)}{text}" for text in found.problems]
    if json:
        from tracklib.cli.console import print_json

        print_json({"bundle": name_of(place), "snapshot": snapshot, "age": age, "runs": runs, "problems": problems})
    else:
        _say(words[-1], runs, age, problems, deep=deep)
    return int(bool(problems))


def _age(catalog: Catalog, source: str | None, limit: float | None) -> tuple[list[str], float | None, str | None]:
    """Return what is wrong with the last backup's date and outcome, its age in seconds, and its name."""
    from tracklib.cli.quantities import duration_text
    from tracklib.portability.bundle.inspection import newest_backup

    newest, age = newest_backup(catalog, source)
    if newest is None:
        return ["stale: no backup was ever completed"], None, None
    problems = []
    if limit is not None and age > limit:
        problems.append(f"stale: the last backup is {duration_text(age)} old, more than {duration_text(limit)}")
    for item in newest.failed[:1]:
        more = f", and {len(newest.failed) - 1} more" if len(newest.failed) > 1 else ""
        problems.append(f"missing: {item.get('project')}/{item.get('id')}: {item.get('error')}{more}")
    return problems, age, newest.name


def _who(found: Found) -> str:
    return f"damaged: {found.run.project}/{found.run.id}: " if found.run is not None else "damaged: "


def _say(word: str, runs: int, age: float | None, problems: list[str], *, deep: bool) -> None:
    from tracklib.cli.console import complain, out, safe
    from tracklib.cli.quantities import duration_text, plural

    if problems:
        more = f" (and {len(problems) - 1:,} more: --json)" if len(problems) > 1 else ""
        complain(" ".join(f"{word}: {problems[0]}{more}".split()))
        return
    looked = "every byte read" if deep else "all there"
    out().print(
        safe(f"{word}: {plural(runs, 'run')}, {looked}; the last backup is {duration_text(age or 0)} old", "green")
    )


def verify_bundle(word: str, *, json: bool) -> int:
    """Read a bundle whole, check every checksum and the structure, and return the exit code."""
    from tracklib.cli.bundles import open_bundle
    from tracklib.cli.console import interruptible
    from tracklib.cli.long_list import LongList
    from tracklib.portability.places import name_of

    place, catalog = open_bundle(word, fresh=True)
    catalog.refresh()
    from tracklib.portability.bundle.inspection import Inspection

    total = {"runs": 0, "damaged": 0, "points": 0, "files": 0, "bytes": 0}
    results = LongList("results") if json else None
    with interruptible(lambda: f"{total['runs']} runs read; nothing was changed, repeat to read all"):
        for found in Inspection(catalog, deep=True):
            total["runs"] += found.run is not None
            total["damaged"] += bool(found.problems)
            for name in ("points", "files", "bytes"):
                total[name] += getattr(found, name)
            if results is not None:
                results.add(found.document())
            else:
                _tell(found)
    if results is not None:
        results.print_within({"bundle": name_of(place), "passed": not total["damaged"], **total})
    else:
        _conclude(word, total)
    return int(bool(total["damaged"]))


def _tell(found: Found) -> None:
    from tracklib.cli.console import out, safe

    head = f"{found.run.project}/{found.run.id}: " if found.run is not None else ""
    for text in found.problems:
        out().print(safe(f"{head}{text}", "red"))


def _conclude(word: str, total: dict[str, int]) -> None:
    from tracklib.cli.console import out, safe
    from tracklib.cli.quantities import bytes_text, plural

    held = f"{plural(total['runs'], 'run')}, {total['points']:,} points, {total['files']:,} files, {bytes_text(total['bytes'])}"
    verdict = f"{total['damaged']:,} damaged" if total["damaged"] else "whole"
    out().print(safe(f"{word}: ") + safe(verdict, "red" if total["damaged"] else "green") + safe(f"; {held}"))
