"""No block of a page is left to chance: a test does what it says, or there is a reason why none can."""

from __future__ import annotations

from pathlib import Path

import pytest
from baton_docs.blocks import Block, blocks, rule_of
from baton_docs.rules import RULES, Rule

ROOT = Path(__file__).parents[3]
ALL = list(blocks())
#: Tests that read their pages themselves, whole.
READ_WHOLE = {"tests/cluster/monitoring/test_scraped_operators.py"}


@pytest.mark.parametrize("block", ALL, ids=lambda each: each.where)
def test_somebody_does_what_a_block_says(block: Block) -> None:
    undecided = [words for words in block.words() if rule_of(block.page, words) is None]
    assert undecided == [], "say in baton_docs/rules.py which test does it, or why none can"


@pytest.mark.parametrize("rule", RULES, ids=lambda each: f"{each.pages} {each.words}")
def test_a_rule_decides_about_something_and_names_who_does_it(rule: Rule) -> None:
    assert any(rule_of(block.page, words) is rule for block in ALL for words in block.words()), "nothing is left to it"
    assert len([each for each in (rule.test, rule.instead, rule.reason) if each]) == 1
    path = rule.test or rule.instead
    assert not path or (ROOT / path).is_file()


@pytest.mark.parametrize("test", sorted({rule.test for rule in RULES if rule.test} - READ_WHOLE))
def test_who_is_given_blocks_asks_for_them(test: str) -> None:
    """By `typed_by` or `read_by` with its own path: otherwise what it is given would not be done."""
    text = (ROOT / test).read_text()
    assert "typed_by(" in text or "read_by(" in text


def test_lines_are_read_as_they_are_typed() -> None:
    block = Block("x.md", 1, "", "a --b \\\n  --c\n\nd  explained\ne -p '[{\"f\": 1}]'")
    assert block.commands() == ["a --b --c", "d", "e -p '[{\"f\": 1}]'"]


def test_a_paragraph_of_a_list_is_no_block_and_a_block_of_a_list_is_one(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("1. One:\n\n        a --b\n\n    And more of it,\n    and more.\n\nA text:\n\n    c --d\n    e\n")
    assert [each.commands() for each in blocks(str(page))] == [["a --b"], ["c --d", "e"]]


def test_the_blocks_are_found() -> None:
    (found,) = [block for block in ALL if block.page == "docs/gitops.md" and "argocd-cm.yaml" in block.text]
    assert found.commands() == [
        "kubectl patch configmap argocd-cm -n argocd --patch-file integrations/argo-cd/argocd-cm.yaml"
    ]
    assert len(ALL) > 100
