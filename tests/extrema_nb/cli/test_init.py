"""The command frame: finding commands, refusing mistakes in one line, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import extrema_nb
from extrema_nb import cli
from extrema_nb.errors import ConfigError, VenueDisconnected


@pytest.fixture
def command(monkeypatch):
    """Put a command ``probe`` whose behaviour a test chooses beside the real ones."""

    class Probe:
        __doc__ = "Probe the frame."
        HELP = "probe"
        behave = staticmethod(lambda _args: 0)

        @staticmethod
        def add_arguments(parser):
            parser.add_argument("--depth", type=int, default=1)

        @classmethod
        def run(cls, args):
            return cls.behave(args)

    monkeypatch.setitem(sys.modules, "extrema_nb.cli.probe", Probe)
    monkeypatch.setattr(cli, "commands", lambda: {"doctor": "look", "probe": "probe"})
    return Probe


def raising(error):
    def behave(_args):
        raise error

    return behave


def test_every_command_on_disk_has_one_line_of_help():
    found = cli.commands()
    assert "doctor" in found
    assert "common" not in found
    for name, text in found.items():
        assert text, name
        assert "\n" not in text
        assert len(text) <= 88, name


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert not stop.value.code
    out = capsys.readouterr().out
    for name, text in cli.commands().items():
        assert f"  {name} " in out
        assert text in out


def test_version_is_the_installed_one(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert not stop.value.code
    assert capsys.readouterr().out == f"extrema-nb {extrema_nb.__version__}\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["prob"], "unknown command 'prob'; did you mean 'probe'?; see extrema-nb --help"),
        (["zzz"], "unknown command 'zzz'; see extrema-nb --help"),
        (["--vrsion"], "unknown argument '--vrsion'; did you mean '--version'?"),
        (["-v"], "no command given; see extrema-nb --help"),
        (["probe", "--dpeth=3"], "unknown argument '--dpeth'; did you mean '--depth'?; see extrema-nb probe"),
        (["probe", "--depth", "x"], "argument --depth: invalid int value: 'x'; see extrema-nb probe --help"),
        (["probe", "stray"], "unknown argument 'stray'"),
    ],
)  # fmt: skip
def test_a_mistake_on_the_command_line_is_one_line_and_exit_code_2(command, capsys, argv, message):
    assert cli.main(argv) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"extrema-nb: {message}")
    assert err.count("\n") == 1


def test_no_command_at_all_shows_the_help(capsys):
    assert cli.main([]) == 2
    assert "commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("bad\nkey"), 2),
        (VenueDisconnected("closed"), 2),
        (OSError(28, "No space left on device"), 1),
        (ExceptionGroup("tasks", [ConfigError("bad key")]), 2),
        (ExceptionGroup("tasks", [ExceptionGroup("inner", [OSError(28, "full")])]), 1),
        (ExceptionGroup("tasks", [ConfigError("first"), OSError(28, "full")]), 1),
    ],
)
def test_an_expected_error_is_one_line_without_a_trace(command, capsys, error, code):
    command.behave = staticmethod(raising(error))
    assert cli.main(["probe"]) == code
    err = capsys.readouterr().err
    assert err.startswith("extrema-nb: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), BaseExceptionGroup("tasks", [KeyboardInterrupt()])]
)
def test_an_interrupt_is_exit_code_130_in_silence(command, capsys, error):
    command.behave = staticmethod(raising(error))
    assert cli.main(["probe"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), ExceptionGroup("tasks", [ConfigError("x"), KeyError("y")])]
)
def test_a_bug_is_not_hidden(command, error):
    command.behave = staticmethod(raising(error))
    with pytest.raises(type(error)):
        cli.main(["probe"])


def test_the_code_of_the_command_is_the_exit_code(command):
    command.behave = staticmethod(lambda args: args.depth)
    assert cli.main(["probe", "--depth", "1"]) == 1


@pytest.mark.parametrize("argv", [["-v", "probe"], ["probe", "-v"]])
def test_verbose_is_understood_on_either_side_of_the_command(command, argv):
    seen = []
    command.behave = staticmethod(lambda args: seen.append(args.verbose) or 0)
    assert cli.main(argv) == 0
    assert seen == [1]


def test_a_reader_that_leaves_early_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "extrema_nb", "doctor", "--json"],
        stdout=write, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 141


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "extrema_nb", "--version"], capture_output=True, check=True
    )
    assert done.stdout.startswith(b"extrema-nb ")
