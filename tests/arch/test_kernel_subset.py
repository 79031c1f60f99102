"""Compiled functions keep to the subset of Python in which compiled and uncompiled agree."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.arch.sources import modules, tree

NO_NODES = {
    ast.Try: "try: kernels return a status",
    ast.TryStar: "try: kernels return a status",
    ast.Raise: "raise: it leaves state half updated; return a status",
    ast.Assert: "assert: it raises; return a status",
    ast.Dict: "a dict: use an array or a record",
    ast.DictComp: "a dict: use an array or a record",
    ast.List: "a list: use an array that comes in through the arguments",
    ast.ListComp: "a list: use an array that comes in through the arguments",
    ast.Set: "a set: use an array",
    ast.SetComp: "a set: use an array",
    ast.GeneratorExp: "a generator: write the loop",
    ast.JoinedStr: "an f-string: kernels know no text",
    ast.Lambda: "a lambda: write a function with @kernel",
    ast.With: "with: kernels hold nothing",
    ast.ClassDef: "a class: use a record",
    ast.Import: "an import: it stands at the top of the module",
    ast.ImportFrom: "an import: it stands at the top of the module",
    ast.Global: "global: state is an argument",
    ast.Nonlocal: "nonlocal: state is an argument",
    ast.Yield: "yield: kernels return",
    ast.Await: "await: kernels do no I/O",
}
ATTACH = {"attach", "attach_attribute"}
NO_CALLS = {"eval", "exec", "getattr", "input", "isinstance", "open", "print", "setattr"}


def is_kernel(function: ast.FunctionDef) -> bool:
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name == "kernel":
            return True
    return False


def is_strategy(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any(
        (base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")) == "Strategy"
        for base in node.bases
    )


def attached(module: ast.Module) -> set[str]:
    """Return the functions that become methods or attributes of a named tuple in kernels."""
    return {
        argument.id
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ATTACH
        for argument in node.args
        if isinstance(argument, ast.Name)
    }


def compiled(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield what ends up in machine code: kernels, methods of `ctx`, handlers of strategies."""
    methods = attached(module)
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and (is_kernel(node) or node.name in methods):
            yield node
        elif is_strategy(node):
            yield from (
                item
                for item in node.body
                if isinstance(item, ast.FunctionDef) and item.name.startswith("on_")
            )


def is_negative(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    )


def breaches(function: ast.FunctionDef) -> Iterator[str]:
    """Yield what a compiled function may not contain."""
    for statement in function.body:
        for node in ast.walk(statement):
            reason = NO_NODES.get(type(node))
            if reason:
                yield f"line {node.lineno}: {reason}"
            elif isinstance(node, ast.Subscript) and any(map(is_negative, ast.walk(node.slice))):
                yield f"line {node.lineno}: an index from the end: views know places only"
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in NO_CALLS:
                yield f"line {node.lineno}: {node.func.id}()"


def test_compiled_functions_keep_to_the_subset():
    found = [
        f"{path}: {function.name}: {breach}"
        for path in modules()
        for function in compiled(tree(path))
        for breach in breaches(function)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "body",
    ["raise ValueError", "x = [1]", "x = {1: 2}", "print(1)", "x = f'{1}'", "x = lambda: 1",
     "for x in (i for i in y): pass", "assert y", "y[-1] = 0"],
)  # fmt: skip
def test_a_breach_is_found(body):
    kernel = ast.parse(f"@kernel\ndef f(y):\n    {body}")
    handler = ast.parse(f"class A(xnb.Strategy):\n    def on_trade(ctx, p, s, y):\n        {body}")
    method = ast.parse(f"def f(y):\n    {body}\nattach(Owner, f)")
    for module in (kernel, handler, method):
        assert [breach for function in compiled(module) for breach in breaches(function)]


def test_there_is_something_to_check():
    assert any(True for path in modules() for _ in compiled(tree(path)))
