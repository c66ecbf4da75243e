"""A GraphQL document answered from a tree of plain objects, with no schema.

A node of the tree is a mapping from field to value. A value that can be called takes the field's arguments and is called
when the field is asked for. So it does not matter what a client names its operations or which fields it combines; a
field that the tree lacks is an error that names it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphql.language import ast

__all__ = ["GraphQLProblem", "Node", "answer", "check_arguments", "operation_name"]

Node = Mapping[str, Any]

_IMPLEMENTED_BY = {"ArtifactCollection": ("ArtifactSequence", "ArtifactPortfolio")}


class GraphQLProblem(Exception):  # noqa: N818 - the word of the specification is "errors", for data
    """What stands in the reply's ``errors``; with `unknown` it is also a complaint of the emulator.

    W&B's server answers a few with a status of HTTP.
    """

    def __init__(self, message: str, *, unknown: bool = False, status: int = 200) -> None:
        super().__init__(message)
        self.unknown = unknown
        self.status = status


def operation_name(document: str) -> str:
    """Return the name of a document's operation, for people and for faults; the empty text where it has none."""
    name = _Document(document).operation.name
    return name.value if name else ""


def answer(document: str, variables: Mapping[str, Any], *, query: Node, mutation: Node) -> dict[str, Any]:
    """Return the data that a document asks for.

    Raises:
        GraphQLProblem: A field or argument is unknown, or a resolver raised it.
    """
    parsed = _Document(document, variables)
    root = mutation if parsed.operation.operation.value == "mutation" else query
    return parsed.project(parsed.operation.selection_set, root)


class _Document:
    """A parsed document with its variables."""

    def __init__(self, text: str, variables: Mapping[str, Any] | None = None) -> None:
        from graphql import parse
        from graphql.language import ast
        from graphql.utilities import value_from_ast_untyped

        definitions = parse(text, no_location=True).definitions
        self.operation = next(d for d in definitions if isinstance(d, ast.OperationDefinitionNode))
        self.fragments = {d.name.value: d for d in definitions if isinstance(d, ast.FragmentDefinitionNode)}
        self._untyped = value_from_ast_untyped
        self.variables = {**self._defaults(), **(variables or {})}

    def _defaults(self) -> dict[str, Any]:
        declared = self.operation.variable_definitions
        return {v.variable.name.value: self._untyped(v.default_value) for v in declared if v.default_value}

    def project(self, selections: ast.SelectionSetNode, node: Node) -> dict[str, Any]:
        """Return what a selection set takes of a node."""
        result: dict[str, Any] = {}
        for field in self._fields(selections, node):
            key = field.alias.value if field.alias else field.name.value
            value = self._complete(field, self._resolve(field, node))
            result[key] = _merge(result.get(key), value)
        return result

    def _fields(self, selections: ast.SelectionSetNode, node: Node) -> Iterator[ast.FieldNode]:
        from graphql.language import ast

        for selection in selections.selections:
            if not self._included(selection):
                continue
            if isinstance(selection, ast.FieldNode):
                yield selection
                continue
            fragment = (
                self.fragments[selection.name.value] if isinstance(selection, ast.FragmentSpreadNode) else selection
            )
            assert isinstance(fragment, (ast.InlineFragmentNode, ast.FragmentDefinitionNode))
            if _is_a(node, fragment.type_condition):
                yield from self._fields(fragment.selection_set, node)

    def _included(self, selection: ast.SelectionNode) -> bool:
        wanted = {"include": True, "skip": False}
        return all(
            bool(self._arguments(directive.arguments)["if"]) is wanted[directive.name.value]
            for directive in selection.directives
            if directive.name.value in wanted
        )

    def _arguments(self, arguments: Sequence[ast.ArgumentNode]) -> dict[str, Any]:
        from graphql.language import ast

        return {
            argument.name.value: self._untyped(argument.value, self.variables)
            for argument in arguments
            if not (isinstance(argument.value, ast.VariableNode) and argument.value.name.value not in self.variables)
        }

    def _resolve(self, field: ast.FieldNode, node: Node) -> Any:
        name = field.name.value
        kind = node.get("__typename", "?")
        if name not in node:
            raise GraphQLProblem(f'Cannot query field "{name}" on type "{kind}".', unknown=True)
        value, arguments = node[name], self._arguments(field.arguments)
        if not callable(value):
            if arguments:
                raise GraphQLProblem(f'Unknown arguments {sorted(arguments)} on field "{kind}.{name}".', unknown=True)
            return value
        check_arguments(value, arguments, f"{kind}.{name}")
        return value(**arguments)

    def _complete(self, field: ast.FieldNode, value: Any) -> Any:
        if field.selection_set is None or value is None:
            return value
        if isinstance(value, (list, tuple)):
            return [self._complete(field, item) for item in value]
        return self.project(field.selection_set, value)


def check_arguments(resolver: Callable[..., Any], arguments: Mapping[str, Any], field: str) -> None:
    """Refuse arguments that a resolver does not take.

    Raises:
        GraphQLProblem: It names the field and the argument.
    """
    try:
        inspect.signature(resolver).bind(**arguments)
    except TypeError as error:
        raise GraphQLProblem(f'Wrong arguments of field "{field}": {error}.', unknown=True) from error


def _is_a(node: Node, condition: ast.NamedTypeNode | None) -> bool:
    """Return whether a fragment for a type, or for any, speaks of a node."""
    if condition is None:
        return True
    wanted = condition.name.value
    kind = node.get("__typename", wanted)
    return kind == wanted or kind in _IMPLEMENTED_BY.get(wanted, ())


def _merge(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merge(old.get(key), value) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return [_merge(a, b) for a, b in zip(old, new, strict=True)]
    return new
