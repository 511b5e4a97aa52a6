"""What pages have people type exists: each command of `baton`, typed or named in a text, with its options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml
from baton_docs.blocks import blocks, pages
from typer.core import TyperCommand, TyperGroup

from baton_operator.cli.application import application

ROOT = Path(__file__).parents[3]
RENDERED = sorted((ROOT / "tests" / "cluster" / "chart" / "golden").glob("*.yaml"))
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
#: How a person gets at `baton` where it has its database.
IN_THE_POD = "kubectl exec -n baton-system deploy/baton -c operator -- baton"
_FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"`(baton [^`]+)`", re.DOTALL)
#: What tells words of a shell from those of the command.
_ENDS = {">", ">>", "|", "&&", "||", ";", "…", "..."}


def named(page: str) -> set[str]:
    """Give the commands of a page: typed ones, and those in its text."""
    typed = {line for block in blocks(page) if not block.language for line in block.commands()}
    found = {command for line in typed for command in re.findall(r"(?:^|/bin/|-- )(baton .*)", line)}
    text = _FENCED.sub("", (ROOT / page).read_text())
    return found | {" ".join(each.split()) for each in _NAMED.findall(text)}


def unknown(command: str) -> list[str]:
    """Give the words of a command that `baton` does not know."""
    words = shlex.split(command.replace("[", "").replace("]", ""))[1:]
    until = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
    known: typer.core.TyperGroup | TyperCommand = typer.main.get_command(application())
    wrong = []
    for word in words[:until]:
        if isinstance(known, TyperGroup) and not word.startswith("-"):
            if word not in known.commands:
                return [*wrong, word]
            known = known.commands[word]
        elif word.startswith("-") and word.partition("=")[0] not in {"--help", *options(known)}:
            wrong.append(word)
    return wrong


def options(command: TyperGroup | TyperCommand) -> set[str]:
    """Give the options of a command, long and short."""
    return {each for parameter in command.params for each in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("page", [each for each in pages() if named(each)])
def test_every_command_that_a_page_names_exists(page: str) -> None:
    wrong = {command: words for command in named(page) if (words := unknown(command))}
    assert wrong == {}


def test_words_that_no_command_has_are_found() -> None:
    assert unknown("baton runs list -A --phase active | less --no-such") == []
    assert unknown("baton runs list --no-such") == ["--no-such"]
    assert unknown("baton runs fetch x") == ["fetch"]


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda each: each.stem)
def test_a_runbook_can_be_followed_by_itself(page: Path) -> None:
    """Who is woken reads this page alone: it says where `baton` is, and its logs are the operator's, nobody else's."""
    name = str(page.relative_to(ROOT))
    typed = [line for block in blocks(name) if not block.language for line in block.commands()]
    if any(line.startswith("baton ") for line in typed):
        assert f"`{IN_THE_POD} …`" in " ".join(page.read_text().split())
    logs = [line for line in typed if line.startswith("kubectl logs ")]
    assert all(" -l baton.dev/serves=http -c operator " in line for line in logs), logs
    rights = [line for line in typed if " auth can-i " in line]
    assert all(" --as=system:serviceaccount:baton-system:baton" in line for line in rights), rights


@pytest.mark.parametrize("path", RENDERED, ids=lambda each: each.stem)
def test_what_runbooks_select_is_the_operator_of_the_chart(path: Path) -> None:
    """Whatever the values: the Pods of the loops, all of them and no others, with the containers that are named."""
    documents = [each for each in yaml.safe_load_all(path.read_text()) if each]
    pods = [each["spec"]["template"] for each in documents if "template" in each.get("spec", {})]
    labels = [pod["metadata"]["labels"] for pod in pods]
    components = {each["app.kubernetes.io/component"] for each in labels if each.get("baton.dev/serves") == "http"}
    loops = {each["app.kubernetes.io/component"] for each in labels} & {"operator", "dispatch"}
    assert components == loops
    for pod in pods:
        if pod["metadata"]["labels"].get("baton.dev/serves") == "http":
            assert [each["name"] for each in pod["spec"]["containers"]] == ["operator"]
            before = [each["name"] for each in pod["spec"].get("initContainers", [])]
            assert before in ([], ["migrate-engine", "migrate-extensions"])


def test_runbooks_name_what_a_release_called_baton_makes() -> None:
    path = next(each for each in RENDERED if each.stem == "bundled")
    documents = [each for each in yaml.safe_load_all(path.read_text()) if each]
    found = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in documents}
    assert {("Deployment", "baton-system", "baton"), ("ServiceAccount", "baton-system", "baton")} <= found
