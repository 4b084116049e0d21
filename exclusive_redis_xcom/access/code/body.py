"""The pushes and pulls in the body of a function, and in the functions of its file that it calls.

What is not understood is never taken for harmless. The result then says that other keys may be pushed.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.access.code import trusted
from exclusive_redis_xcom.access.code.arguments import defaults, matched, values
from exclusive_redis_xcom.access.code.calls import Findings, note_pull, note_push
from exclusive_redis_xcom.access.code.contexts import Contexts
from exclusive_redis_xcom.access.code.decorators import has_known_decorators
from exclusive_redis_xcom.access.code.scopes import (
    FUNCTIONS,
    OPAQUE,
    Function,
    Import,
    Scope,
    all_parameters,
    own_nodes,
    scope_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PUSHES: Final = ("xcom_push", "axcom_push")
_PULLS: Final = ("xcom_pull", "axcom_pull")
#: The methods of Airflow's class `XCom`, by how their names end.
_GETTERS: Final = ("XCom.get_one", "XCom.get_all", "XCom.get_value", "XCom.get_many")
#: So many functions deep are calls followed.
_DEPTH: Final = 12


class Body:
    """Reads one task function, and what it calls."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._seen: set[tuple[int, tuple[tuple[str, Any], ...], frozenset[str]]] = set()
        self._contexts = Contexts()
        self._depth = 0

    def read(self, function: Function, parent: Scope, given: dict[str, Any], contexts: frozenset[str]) -> None:
        """Read a function.

        Args:
            function: The function.
            parent: The scope that defines it.
            given: The parameters that are constants in this call.
            contexts: The parameters that are given a context or a task instance. Some are known by their names, too.
        """
        call = (id(function), tuple(sorted(given.items())), contexts)
        if call in self._seen:
            return
        self._seen.add(call)
        if self._depth > _DEPTH or not has_known_decorators(function, parent):
            self.findings.computes_keys = True
            return
        scope = scope_of(function.body, parent, function.args)
        for name, value in given.items():
            scope.names[name][0] = value
        self._contexts.enter(scope, function.args, contexts, function.body)
        self._depth += 1
        self._statements(function.body, scope)
        self._depth -= 1

    def read_lambda(self, node: ast.Lambda, parent: Scope) -> None:
        """Read a function that is written as an expression."""
        self._lambda(node, parent)

    def _statements(self, body: Iterable[ast.AST], scope: Scope) -> None:
        for node in body:
            self._visit(node, scope)

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.expr) and self._contexts.is_one(node, scope):
            self.findings.computes_keys = True  # it goes somewhere that is not followed
            return
        read = _READERS.get(type(node))
        if read is not None:
            read(self, node, scope)
        elif not isinstance(node, _IGNORED):
            self._statements(ast.iter_child_nodes(node), scope)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> None:
        if not self._contexts.is_one(node.value, scope):
            self._visit(node.value, scope)
        self._visit(node.slice, scope)

    def _comparison(self, node: ast.Compare, scope: Scope) -> None:
        parts = [node.left, *node.comparators]
        self._statements([part for part in parts if not self._contexts.is_one(part, scope)], scope)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> None:
        inner = scope_of([ast.Expr(node.body)], scope, node.args)
        self._contexts.enter(inner, node.args, frozenset(), [])
        self._visit(node.body, inner)

    def _nested(self, node: Function, scope: Scope) -> None:
        """Read a function inside of the function as if it were called."""
        self._statements([*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)], scope)
        inner = scope_of(node.body, scope, node.args)
        self._contexts.enter(inner, node.args, frozenset(), node.body)
        self._statements(node.body, inner)

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.NamedExpr, scope: Scope) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        is_followed = len(targets) == 1 and isinstance(targets[0], ast.Name)
        if node.value is not None and not (is_followed and self._contexts.is_one(node.value, scope)):
            self._visit(node.value, scope)
        self._statements([target for target in targets if not isinstance(target, ast.Name)], scope)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> None:
        if node.attr in (*_PUSHES, *_PULLS):
            self.findings.computes_keys = True  # the method itself goes somewhere
        origin = scope.origin(node)
        if origin is not None:
            self._imported(origin)
        elif not self._contexts.is_one(node.value, scope):
            self._visit(node.value, scope)

    def _name(self, node: ast.Name, scope: Scope) -> None:
        """Read a function that is named and not called here: it may be called elsewhere, with anything."""
        found_in, bound = scope.find(node.id)
        for each in bound:
            if isinstance(each, FUNCTIONS) and found_in is not None and not self._contexts.has_entered(found_in):
                names = frozenset(parameter.arg for parameter in all_parameters(each.args))
                self.read(each, found_in, {}, names)
            elif isinstance(each, ast.ClassDef) and found_in is not None:
                self._class(each, found_in, everything=True)
            elif isinstance(each, Import) and isinstance(node.ctx, ast.Load):
                self._imported(each.origin)

    def _call(self, call: ast.Call, scope: Scope) -> None:
        function = call.func
        method = function.attr if isinstance(function, ast.Attribute) else ""
        origin = scope.origin(function)
        is_showing = False
        if method in _PUSHES:
            note_push(self.findings, call, scope)
        elif method in _PULLS:
            note_pull(self.findings, call, scope)
        elif origin is not None:
            is_showing = self._call_of_import(origin, call, scope)
        elif isinstance(function, ast.Name):
            if self._call_of_name(function, call, scope):
                return
            is_showing = function.id in trusted.SHOWING
        elif isinstance(function, ast.Attribute) and _is_logger(function.value, scope):
            is_showing = True
        elif self._contexts.is_one(getattr(function, "value", function), scope):
            self.findings.computes_keys |= method in ("items", "values", "update")
        if isinstance(function, ast.Attribute) and origin is None:
            self._base(function.value, scope)
        elif not isinstance(function, (ast.Name, ast.Attribute)):
            self._visit(function, scope)
        self._arguments(call, scope, is_showing=is_showing)

    def _arguments(self, call: ast.Call, scope: Scope, *, is_showing: bool) -> None:
        values = [*call.args, *(keyword.value for keyword in call.keywords)]
        self._statements([value for value in values if not (is_showing and self._contexts.is_one(value, scope))], scope)

    def _base(self, node: ast.expr, scope: Scope) -> None:
        """Read what a method is called on."""
        if self._contexts.is_one(node, scope):
            return
        root = node
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if isinstance(root, ast.Name):
            self._global(root, scope)
        self._visit(node, scope)

    def _global(self, node: ast.Name, scope: Scope) -> None:
        """An object that was made outside of the function may do anything, unless all that made it is trusted."""
        found_in, bound = scope.find(node.id)
        if found_in is None or self._contexts.has_entered(found_in):
            return
        for each in bound:
            if each is OPAQUE:
                self.findings.computes_keys = True
            elif isinstance(each, ast.expr):
                self._statements([part for part in ast.walk(each) if isinstance(part, ast.Name)], found_in)

    def _call_of_import(self, origin: str, call: ast.Call, scope: Scope) -> bool:
        """Note a call of something that was imported. Tell whether it only shows its arguments."""
        if origin.startswith("exclusive_redis_xcom.") and origin.endswith(".pull"):
            note_pull(self.findings, call, scope)
        elif origin.endswith(_GETTERS):
            note_pull(self.findings, call, scope, positional=("key", "run_id", "dag_id", "task_id"))
        elif origin.endswith("XCom.set"):
            note_push(self.findings, call, scope)
        elif origin.rpartition(".")[2] != trusted.CURRENT_CONTEXT:
            self._imported(origin)
        return trusted.shows_only(origin)

    def _imported(self, origin: str) -> None:
        self.findings.calls_others |= not trusted.pushes_nothing(origin)

    def _call_of_name(self, name: ast.Name, call: ast.Call, scope: Scope) -> bool:
        """Note a call of a plain name. Tell whether its arguments were read."""
        found_in, bound = scope.find(name.id)
        if found_in is None:
            self.findings.calls_others |= scope.sees_all_of_a_module() or not trusted.is_builtin(name.id)
            return False
        only = bound[0] if len(bound) == 1 else OPAQUE
        if isinstance(only, FUNCTIONS):
            self._call_of_function(only, found_in, call, scope)
            return True
        if isinstance(only, ast.ClassDef):
            self._class(only, found_in, everything=any(self._contexts.is_one(arg, scope) for arg in values(call)))
            self._arguments(call, scope, is_showing=True)
            return True
        if only is OPAQUE and not self._contexts.has_entered(found_in):
            self.findings.computes_keys = True  # a variable of the file, or one name for several functions
        self._name(name, scope)
        return False

    def _call_of_function(self, function: Function, defined_in: Scope, call: ast.Call, scope: Scope) -> None:
        arguments = matched(function, call)
        if arguments is None:
            names = frozenset(parameter.arg for parameter in all_parameters(function.args))
            self.read(function, defined_in, {}, names)
            self._arguments(call, scope, is_showing=True)
            return
        contexts = frozenset(name for name, value in arguments.items() if self._contexts.is_one(value, scope))
        self._statements([value for name, value in arguments.items() if name not in contexts], scope)
        given = {name: scope.constant(value) for name, value in arguments.items()}
        given |= {name: defined_in.constant(value) for name, value in defaults(function, arguments)}
        self.read(function, defined_in, {name: value for name, value in given.items() if value is not None}, contexts)

    def _class(self, node: ast.ClassDef, defined_in: Scope, *, everything: bool) -> None:
        """Read all methods of a class of the file: an object of it may call any of them."""
        for base in node.bases:
            self._visit(base, defined_in)
        for each in own_nodes(node.body):
            if isinstance(each, FUNCTIONS):
                names = frozenset(parameter.arg for parameter in all_parameters(each.args)) if everything else ()
                self.read(each, defined_in, {}, frozenset(names) - {"self", "cls"})


#: How a node is read. All others are read by their parts.
_READERS: Final[dict[type, Callable[[Body, Any, Scope], None]]] = {
    ast.Assign: Body._assignment,
    ast.AnnAssign: Body._assignment,
    ast.AsyncFunctionDef: Body._nested,
    ast.Attribute: Body._attribute,
    ast.Call: Body._call,
    ast.Compare: Body._comparison,
    ast.FunctionDef: Body._nested,
    ast.Lambda: Body._lambda,
    ast.Name: Body._name,
    ast.NamedExpr: Body._assignment,
    ast.Subscript: Body._subscript,
}
_IGNORED: Final = (ast.arguments, ast.Import, ast.ImportFrom)


def _is_logger(node: ast.expr, scope: Scope) -> bool:
    """Tell whether a variable holds what `logging.getLogger` returned."""
    made = scope.only(node.id) if isinstance(node, ast.Name) else None
    origin = scope.origin(made.func) if isinstance(made, ast.Call) else None
    return origin is not None and trusted.shows_only(origin)
