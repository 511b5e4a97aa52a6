"""The help reads as documentation: examples, exit codes, and no command without words."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from baton_operator.cli.application import application

COMMANDS = [
    ["demo"],
    ["check"],
    ["migrate"],
    ["revision"],
    *(["extensions", name] for name in ("list", "check", "new")),
    *(["runs", name] for name in ("list", "get", "history", "cancel", "wait", "logs")),
    *(["engines", name] for name in ("list", "types", "test")),
]


def test_the_first_page_says_where_it_looks_and_what_exit_codes_mean():
    """Nobody has to read the source to use it in a script."""
    page = CliRunner().invoke(application(), ["--help"]).output

    for words in ("BATON_DATABASE_URL", "KUBECONFIG", "Exit codes", "69", "78", "baton runs wait"):
        assert words in page


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example(command: list[str]):
    """An example says more than a list of options."""
    result = CliRunner().invoke(application(), [*command, "--help"])

    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"baton {' '.join(command)}" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ["runs", "list", "--phase", "sleepy"],
        ["runs", "wait", "x", "--timeout", "1d"],
        ["check", "--only", "I9"],
        ["runs", "bogus"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(words: list[str]):
    """And the line says what would be right."""
    result = CliRunner().invoke(application(), words)

    assert result.exit_code == 2


def test_importing_the_command_line_reads_and_connects_nothing():
    """The package's import costs nothing; the console script pays when it runs."""
    code = "import sys, baton_operator.cli; print(sorted({'typer', 'rich', 'sqlalchemy'} & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert found.strip() == "[]"
