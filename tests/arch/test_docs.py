"""Documents keep their word: made pages are up to date, links lead somewhere, commands exist."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest

from docs.generate import FOLDER, PAGES
from extrema_nb import cli
from tests.arch.sources import ROOT, tracked_files

LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
COMMAND = re.compile(r"(?:^|[`/ ])extrema-nb ([a-z][a-z-]+)")
MAKE = re.compile(r"(?:^|`)make ([a-z][a-z-]*)", re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)

MARKDOWN = [path for path in tracked_files() if path.suffix == ".md"]


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_made_page_says_what_the_code_says(name):
    wanted = "\n".join(PAGES[name]()).rstrip() + "\n"
    assert (FOLDER / name).read_text(encoding="utf-8") == wanted, "run python docs/generate.py"


@pytest.mark.parametrize("path", MARKDOWN, ids=str)
def test_links_lead_to_files(path):
    dead = [
        link for link in LINK.findall(text_of(path)) if not (ROOT / path.parent / link).exists()
    ]
    assert not dead


def test_every_page_is_in_the_index():
    index = text_of(ROOT / "docs" / "index.md")
    assert not [
        page.name
        for page in FOLDER.glob("*.md")
        if page.name != "index.md" and f"({page.name})" not in index
    ]


@pytest.mark.parametrize("path", MARKDOWN, ids=str)
def test_commands_that_are_named_exist(path):
    assert not set(COMMAND.findall(text_of(path))) - set(cli.commands())


@pytest.mark.parametrize("path", MARKDOWN, ids=str)
def test_make_targets_that_are_named_exist(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(MAKE.findall(text_of(path)))
    assert named <= targets, named - targets


@pytest.mark.parametrize("path", MARKDOWN, ids=str)
def test_code_in_documents_is_well_formed(path):
    for block in PYTHON.findall(text_of(path)):
        ast.parse(block)
    for block in TOML.findall(text_of(path)):
        tomllib.loads(block)


@pytest.mark.parametrize("path", MARKDOWN, ids=str)
def test_paragraphs_have_one_sentence_a_line(path):
    """Diffs of prose then read well; tables, lists and code are left alone."""
    prose = re.sub(r"^```.*?^```$", "", text_of(path), flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in prose.splitlines() if line and line[0] not in "|<# -0123456789"]
    ends = [line for line in lines if re.search(r"[a-z`)]\. [A-Z][a-z]+ ", line)]
    assert not ends, "\n".join(ends)
