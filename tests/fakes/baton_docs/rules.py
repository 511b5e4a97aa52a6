"""How each block of the pages is seen to work: the first rule that fits a line, or a block between fences, decides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch


@dataclass(frozen=True, slots=True)
class Rule:
    """
    How some lines or blocks are seen to work: by exactly one of the last three.

    Attributes:
        pages: A pattern of the pages that it is about, by their paths from the repository's root.
        words: What a typed line begins with, as a regular expression; of a block between fences its language in
            brackets, a space, and its first line.
        test: Who types or reads them as they stand: a path in the repository.
        instead: Who does the same without reading the page: a path in the repository.
        reason: Why nobody does it here.
    """

    pages: str
    words: str
    test: str = ""
    instead: str = ""
    reason: str = ""

    def is_about(self, page: str, words: str) -> bool:
        """Say whether it decides about *words* of *page*."""
        return fnmatch(page, self.pages) and re.match(self.words, words) is not None


MAKE = "tests/unit/docs/test_documented_make.py"
CODE = "tests/unit/docs/test_documented_code.py"
SQL = "tests/integration/docs/test_documented_sql.py"
OBJECTS = "tests/cluster/docs/test_documented_objects.py"
VALUES = "tests/cluster/docs/test_documented_values.py"
EXTENSION = "tests/cluster/docs/test_extensions_page.py"
HELD = "tests/cluster/docs/test_held_page.py"
NEWCOMER = "tests/cluster/docs/test_typed_pages.py"
RUNBOOKS = "tests/cluster/monitoring/test_scraped_operators.py"
SCRAPING = "tests/cluster/monitoring/test_documented_scraping.py"
RESTORED = "tests/cluster/spine/test_spine_restored.py"
CAPACITY = "tests/cluster/spine/test_spine_capacity.py"
NODE = "tests/chart/test_external_database.py"
RELEASE = "tests/integration/supply/test_release.py"

RULES = (
    # Typed lines.
    Rule("*", r"make ", test=MAKE),
    Rule("docs/runbooks/*", r"", test=RUNBOOKS),
    Rule("docs/quickstart.md", r"", test=NEWCOMER),
    Rule("docs/extensions.md", r"(baton|pip|export|kubectl|pytest) ", test=EXTENSION),
    Rule("*", r"helm (install|upgrade) ", test=VALUES),
    Rule("*", r"helm (test|uninstall|rollback|history) ", instead=NODE),
    Rule("CONTRIBUTING.md", r"(kind|export) ", reason="needs a node that runs Pods"),
    Rule("*", r"kubectl (logs|exec|scale|rollout) ", reason="needs Pods; tests/chart does the like on a node"),
    Rule("docs/engines/argo.md", r"(kubectl|argo) ", reason="has the name of a workflow in an Argo of one's own"),
    Rule("docs/gitops.md", r"flux ", reason="needs Flux"),
    Rule("docs/held-submissions.md", r"baton runs resolve ", instead=RUNBOOKS),
    Rule("docs/held-submissions.md", r"(export|kubectl|pkill|sleep|\.venv/bin/baton) ", test=HELD),
    Rule("docs/supply-chain.md", r"\(cd dist ", test=RELEASE),
    Rule("docs/traces.md", r"(pip|export) ", instead="tests/cluster/spine/test_spine_traces.py"),
    Rule("docs/write-an-adapter.md", r"(pip|pytest)", instead="tests/contract/test_example_adapter.py"),
    Rule("docs/backup.md", r"(pg_dump|pg_restore|baton database) ", test=RESTORED),
    Rule("docs/backup.md", r"BATON_DATABASE_URL=", reason="names a database of one's own"),
    Rule("docs/architecture.md", r"kubectl patch ", test=OBJECTS),
    Rule("docs/gitops.md", r"kubectl patch configmap ", test=OBJECTS),
    Rule("charts/baton/README.md", r"kubectl create ", test=OBJECTS),
    Rule("README.md", r"[^\[]", test=NEWCOMER),
    Rule("examples/README.md", r"[^\[]", test=NEWCOMER),
    Rule("docs/gitops.md", r"kubectl (apply|wait) ", test=NEWCOMER),
    Rule("docs/capacity.md", r"baton purge ", test=CAPACITY),
    Rule("*", r"(baton|kubectl (get|delete runs)) ", test=NEWCOMER),
    # Blocks between fences.
    Rule("*", r"\[mermaid\]", reason="a picture"),
    Rule("docs/reference/cli.md", r"\[text\]", instead="tests/unit/docs/test_reference.py"),
    Rule("docs/architecture.md", r"\[text\]", reason="a picture"),
    Rule("docs/capacity.md", r"\[text\]", reason="a formula"),
    Rule("docs/adr/*", r"\[sql\]", reason="a part of a policy, which migrations make"),
    Rule("*", r"\[sql\]", test=SQL),
    Rule("docs/supply-chain.md", r"\[toml\]", test=RELEASE),
    Rule("*", r"\[(python|toml|xml)\]", test=CODE),
    Rule("docs/engines/jenkins.md", r"\[groovy\]", reason="is Jenkins' own; examples/jenkins has whole jobs"),
    Rule("docs/image.md", r"\[dockerfile\]", instead="tests/chart/conftest.py"),
    Rule("docs/monitoring.md", r"\[yaml\] scrape_configs:", test=SCRAPING),
    Rule("docs/install.md", r"\[yaml\]", test=VALUES),
    Rule("docs/traces.md", r"\[yaml\] extraEnv:", test=VALUES),
    Rule("*", r"\[yaml\]", test=OBJECTS),
)
"""All there are. A new page or a new kind of line needs one; one that fits nothing any more is to go."""
