"""Calls: where a Python file uses a vendor, found in its syntax tree; nothing of it is imported or run."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, field

from tracklib.portability.vendor import Use, Vendor

__all__ = ["uses_in"]


def uses_in(code: str, vendors: list[Vendor]) -> list[Use]:
    """Return each use of a vendor in a Python file, by lines.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: It is no Python that this interpreter can read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python thinks of the file's style is not the question
        tree = ast.parse(code)
    search = _Search(vendors)
    search.visit(tree)
    return sorted(search.found)


@dataclass(slots=True)
class _Scope:
    """Names that stand for something of a vendor's.

    Attributes:
        is_class: Whether ``self.run`` is kept here.
    """

    names: dict[str, str] = field(default_factory=dict)
    is_class: bool = False


class _Search(ast.NodeVisitor):
    """One walk through a file, in the order of its lines."""

    def __init__(self, vendors: list[Vendor]) -> None:
        self.found: set[Use] = set()
        self._vendors = vendors
        self._variables = {name: vendor for vendor in vendors for name in vendor.variables}
        self._scopes = [_Scope()]

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            self._bind(alias.asname or top, alias.name if alias.asname else top)
            self._report_import(node.lineno, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module is None or node.level:
            return
        for alias in node.names:
            names = [alias.name] if alias.name != "*" else self._all_of(node.module)
            for name in names:
                self._bind(alias.asname or name, f"{node.module}.{name}")
        self._report_import(node.lineno, node.module)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        given = node.args
        names = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        self._inside(node, _Scope({each.arg: "" for each in names if each is not None}))

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815
    visit_Lambda = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node, _Scope(is_class=True))

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._assign(node.target, node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._assign(node.target, node.value)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._assign(item.optional_vars, item.context_expr)
        for statement in node.body:
            self.visit(statement)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_Attribute(self, node: ast.expr) -> None:
        self._use(node)

    visit_Subscript = visit_Name = visit_Call = visit_Attribute  # noqa: N815

    def visit_Constant(self, node: ast.Constant) -> None:
        vendor = self._variables.get(node.value) if isinstance(node.value, str) else None
        if vendor is not None:
            kept = "keeps working: tracklib's backend reads it"
            self.found.add(Use(node.lineno, str(node.value), vendor.name, kept))

    def visit_keyword(self, node: ast.keyword) -> None:
        """Report an argument by which another library is told to use a vendor."""
        items = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else [node.value]
        for item in items:
            text = item.value if isinstance(item, ast.Constant) else None
            name = f"{node.arg}={text}" if isinstance(text, str) else ""
            for vendor in (each for each in self._vendors if name in each.calls):
                self.found.add(Use(item.lineno, name, vendor.name, vendor.calls[name]))
        self.visit(node.value)

    def _inside(self, node: ast.AST, scope: _Scope) -> None:
        self._scopes.append(scope)
        self.generic_visit(node)
        self._scopes.pop()

    def _use(self, node: ast.expr) -> None:
        """Report the longest chain of names that is a vendor's, and look into what was passed to it."""
        name = self._resolve(node)
        vendor, instead = self._judge(name) if name is not None else (None, "")
        if vendor is None or name is None:
            self.generic_visit(node)
            return
        if not isinstance(node, ast.Name):  # a name alone says no more than its import did
            self.found.add(Use(node.lineno, name.removesuffix("()"), vendor.name, instead))
        self._visit_arguments(node)

    def _visit_arguments(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            for argument in (*node.args, *node.keywords):
                self.visit(argument)
            inner = node.func
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            if isinstance(node, ast.Subscript):
                self.visit(node.slice)
            inner = node.value
        else:
            return
        # Of a chain such as vendor.init().log(), the call inside is a use of its own.
        if isinstance(inner, ast.Call):
            self._use(inner)
        else:
            self._visit_arguments(inner)

    def _resolve(self, node: ast.AST) -> str | None:
        """Return the vendor's name of an expression; ``None`` where it is none."""
        if isinstance(node, ast.Name):
            return self._look_up(node.id)
        if isinstance(node, ast.Attribute):
            if (kept := self._look_up(_path(node))) is not None:
                return kept
            inner, mark = self._resolve(node.value), f".{node.attr}"
        elif isinstance(node, ast.Call):
            inner, mark = self._resolve(node.func), "()"
        elif isinstance(node, ast.Subscript):
            inner, mark = self._resolve(node.value), "[]"
        else:
            return self._resolve(node.value) if isinstance(node, ast.Await) else None
        return None if inner is None else inner + mark

    def _look_up(self, name: str) -> str | None:
        for scope in reversed(self._scopes):
            if name and name in scope.names:
                return scope.names[name] or None
        return None

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        name = self._resolve(value) if isinstance(value, (ast.Call, ast.Await, ast.Attribute, ast.Name)) else None
        is_known = name is not None and self._judge(name)[0] is not None
        if path := _path(target):
            self._bind(path, name if is_known and name is not None else "", is_kept="." in path)
        if not isinstance(target, ast.Name):
            self.visit(target)

    def _bind(self, name: str, meaning: str, *, is_kept: bool = False) -> None:
        """Let a name stand for something of a vendor's; empty, for anything else."""
        scope = self._scopes[-1]
        if is_kept:
            scope = next((each for each in reversed(self._scopes) if each.is_class), scope)
        scope.names[name] = meaning

    def _judge(self, name: str) -> tuple[Vendor | None, str]:
        for vendor in self._vendors:
            told = vendor.told(name)
            if told is not None:
                return vendor, told
        return None, ""

    def _all_of(self, module: str) -> list[str]:
        """Return the names that ``from module import *`` may bring."""
        known = (name for vendor in self._vendors for name in vendor.calls if name.startswith(f"{module}."))
        return [name[len(module) + 1 :].partition(".")[0].partition("(")[0] for name in known]

    def _report_import(self, line: int, module: str) -> None:
        for vendor in self._vendors:
            if module.partition(".")[0] in vendor.modules:
                self.found.add(Use(line, f"import {module}", vendor.name, "import tracklib"))


def _path(node: ast.AST) -> str:
    """Return ``self.run`` for itself, and nothing for what is no chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    inner = _path(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if inner and isinstance(node, ast.Attribute) else ""
