"""The command ``extrema-nb``: finds its commands by folder listing, imports the one that is called.

A command is a module of this folder with ``HELP``, ``add_arguments(parser)`` and ``run(args)``.
The list of commands is read from the sources without importing them, so that ``--help`` is quick.

Exit codes: 0 done; 1 the command found something wrong, or the system failed it; 2 the input can
not be used as it is (one line says why); 130 interrupted.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.resources
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from extrema_nb import __version__
from extrema_nb.errors import ConfigError, ExtremaError, nearest

__all__ = ["commands", "main"]

FAILED, UNUSABLE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141  # the last two as a shell tells them

log = logging.getLogger(__name__)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: one line, with the nearest option and where to read on."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {self.prog} --help")

    def refuse(self, extras: list[str]) -> None:
        """Raise for what is left over after parsing."""
        if extras:
            known = [word for action in self._actions for word in action.option_strings]
            word = extras[0].partition("=")[0]
            self.error(f"unknown argument {word!r}" + nearest(word, known))


def commands() -> dict[str, str]:
    """Return command name → one line of help, sorted, without importing any command."""
    found: dict[str, str] = {}
    for entry in importlib.resources.files(__name__).iterdir():
        stem, _, suffix = entry.name.rpartition(".")
        text = _help_of(entry.read_text(encoding="utf-8")) if suffix == "py" else ""
        if text:  # the others are what commands share
            found[stem.replace("_", "-")] = text
    return dict(sorted(found.items()))


def _help_of(source: str) -> str:
    """Return the literal assigned to HELP in the source of a command."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == "HELP" for target in targets):
            return str(ast.literal_eval(node.value)) if node.value else ""
    return ""


def _top_parser(known: dict[str, str]) -> _Parser:
    width = max(map(len, known), default=0) + 2
    parser = _Parser(
        prog="extrema-nb",
        usage="extrema-nb [-h] [--version] [-v] COMMAND …",
        description="Record, replay, backtest and trade order books with one compiled strategy.",
        epilog="commands:\n"
        + "\n".join(f"  {name:{width}}{text}" for name, text in known.items())
        + "\n\nextrema-nb COMMAND --help tells more about one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"extrema-nb {__version__}")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="tell more on stderr")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _dispatch(argv: Sequence[str]) -> int:
    known = commands()
    top = _top_parser(known)
    if not argv:
        top.print_help(sys.stderr)
        return UNUSABLE
    args, extras = top.parse_known_args(argv)
    top.refuse(extras)
    if args.command is None:
        top.error("no command given")
    if args.command not in known:
        top.error(f"unknown command {args.command!r}" + nearest(args.command, known))
    module: Any = importlib.import_module(f"{__name__}.{args.command.replace('-', '_')}")
    parser = _Parser(
        prog=f"extrema-nb {args.command}",
        description=module.__doc__.strip() if module.__doc__ else module.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-v", "--verbose", action="count", default=0, help="tell more on stderr")
    module.add_arguments(parser)
    chosen, extras = parser.parse_known_args(args.rest)
    parser.refuse(extras)
    chosen.verbose += args.verbose

    from extrema_nb.cli.common import setup_logging

    setup_logging(chosen.verbose)
    return int(module.run(chosen))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors inside a group, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _complain(error: BaseException) -> None:
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"extrema-nb: {text}", file=sys.stderr)
    log.debug("where it came from", exc_info=error)


def _exit_code(error: BaseException) -> int | None:
    """Say what an error of a command means; None for one that is a fault of ours."""
    found = list(_leaves(error))
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in found):
        return INTERRUPTED
    if all(isinstance(leaf, BrokenPipeError) for leaf in found):
        # what is still buffered has nowhere to go; without this the interpreter complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    for kinds, code in (((ExtremaError,), UNUSABLE), ((ExtremaError, OSError), FAILED)):
        if all(isinstance(leaf, kinds) for leaf in found):
            _complain(found[0])
            return code
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = _dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except (ExtremaError, OSError, KeyboardInterrupt, BaseExceptionGroup) as error:
        told = _exit_code(error)
        if told is None:
            raise
        return told
    return code
