"""Imports in circles: there are none, so that each module is understood, and loaded, by those below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def modules() -> dict[str, Path]:
    """Return the file of every module of tracklib and its plugins, by the module's name."""
    packages = [ROOT / "tracklib", *(path.parent for path in ROOT.glob("plugins/*/tracklib_*/spec.py"))]
    paths = [(path, package.parent) for package in packages for path in package.rglob("*.py")]
    names = [".".join(path.relative_to(home).with_suffix("").parts) for path, home in paths]
    return {name.removesuffix(".__init__"): path for name, (path, _) in zip(names, paths, strict=True)}


def is_for_types(node: ast.AST) -> bool:
    """Tell whether a node is what type checkers alone read."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def needs(tree: ast.AST, known: Mapping[str, object]) -> Iterator[str]:
    """Yield the known modules that code needs once all of it has run: imports in functions too, none for types alone."""
    for node in ast.iter_child_nodes(tree):
        if is_for_types(node):
            assert isinstance(node, ast.If)
            for other in node.orelse:
                yield from needs(ast.Module([other], []), known)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from {name if name in known else str(node.module) for name in names} & known.keys()
        else:
            yield from needs(node, known)


def circles(graph: Mapping[str, set[str]]) -> list[str]:
    """Return what is left of a graph when all that leads into no circle is taken away, again and again."""
    left = dict(graph)
    while ends := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in ends}
    return [f"{name} -> {', '.join(sorted(others & left.keys()))}" for name, others in sorted(left.items())]


def test_no_module_needs_one_that_needs_it():
    """No import goes in a circle, wherever in a file it stands; so each module can be read, and loaded, by itself."""
    known = modules()
    graph = {
        name: set(needs(ast.parse(path.read_text(encoding="utf-8")), known)) - {name} for name, path in known.items()
    }
    assert sum(map(len, graph.values())) > 1000
    assert circles(graph) == []


def test_circles_are_found():
    """Imports in functions count, those of a package's name and of its modules too; those for types alone do not."""
    known = dict.fromkeys(["a", "a.b", "c"])
    code = "if TYPE_CHECKING:\n    import c\nelse:\n    import a\ndef f():\n    from a import b, x\n    import os"
    assert set(needs(ast.parse(code), known)) == {"a", "a.b"}
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circles({"a": {"b"}, "b": {"a", "c"}, "c": set()}) == ["a -> b", "b -> a"]
