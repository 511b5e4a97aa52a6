"""The guards of what is shipped, and of the audit."""

from __future__ import annotations

from guard import Guard

SUPPLY = "supply/baton_supply/"
LOCKS = "tests/unit/supply/test_lock_reading.py::test_"
LICENCES = "tests/unit/supply/test_licence_policy.py::test_"
MATERIALS = "tests/unit/supply/test_bill_of_materials.py::test_"
ARCHIVE = "tests/unit/supply/test_chart_archive.py::test_"
SCAN = "tests/unit/supply/test_secret_scan.py::test_"
SERVICE = "tests/integration/supply/test_vulnerability_service.py::test_"

SUPPLY_CHAIN = (
    Guard(
        "a requirement without a hash is refused",
        SUPPLY + "locks.py",
        "    if not hashes:\n",
        "    if False:\n",
        (LOCKS + "what_does_not_pin_is_refused",),
    ),
    Guard(
        "a range of versions is refused",
        SUPPLY + "locks.py",
        ' or "*" in pinned[0].version',
        "",
        (LOCKS + "what_does_not_pin_is_refused",),
    ),
    Guard(
        "a weak copyleft in the image needs a reason",
        SUPPLY + "licences.py",
        "if (reason or not shipped) and",
        "if",
        (LICENCES + "a_weak_copyleft_in_the_image_needs_a_reason",),
    ),
    Guard(
        "a reason does not help a strong copyleft",
        SUPPLY + "licences.py",
        "_met(_SPDX.parse(expression), policy.permissive | policy.weak):",
        "(reason or _met(_SPDX.parse(expression), policy.permissive | policy.weak)):",
        (LICENCES + "a_copyleft_is_refused_everywhere",),
    ),
    Guard(
        "each part of a licence has to be allowed",
        SUPPLY + "licences.py",
        "return all(_met(each, allowed) for each in expression.args)",
        "return any(_met(each, allowed) for each in expression.args)",
        (LICENCES + "a_copyleft_is_refused_everywhere",),
    ),
    Guard(
        "metadata of another version says nothing",
        SUPPLY + "licences.py",
        'if said["version"] != pin.version:',
        "if False:",
        (LICENCES + "metadata_is_read",),
    ),
    Guard(
        "the bill of materials bears the moment, not the clock",
        SUPPLY + "bom.py",
        "    bom.metadata.timestamp = datetime.fromtimestamp(moment, UTC)\n",
        "",
        (MATERIALS + "the_same_tree_and_moment_give_the_same_text",),
    ),
    Guard(
        "the chart's files bear the moment",
        SUPPLY + "chart_package.py",
        "member.size, member.mtime, member.mode = len(content), moment, 0o644",
        "member.size, member.mtime, member.mode = len(content), (chart / each).stat().st_mtime, 0o644",
        (ARCHIVE + "neither_clock_nor_rights_nor_order_count",),
    ),
    Guard(
        "the chart's archive bears no moment",
        SUPPLY + "chart_package.py",
        "compresslevel=9, mtime=0)",
        "compresslevel=9, mtime=None)",
        (ARCHIVE + "neither_clock_nor_rights_nor_order_count",),
    ),
    Guard(
        "a short password is made up in few places only",
        SUPPLY + "secret_scan.py",
        "len(secret) < PASSWORD and Path(filename).relative_to(root).parts[0] in MADE_UP",
        "len(secret) < PASSWORD",
        (SCAN + "a_short_password_is_made_up_in_tests_only",),
    ),
    Guard(
        "the name of the folder that holds the tree does not count",
        SUPPLY + "secret_scan.py",
        "Path(filename).relative_to(root).parts[0] in MADE_UP",
        "set(Path(filename).parts) & set(MADE_UP)",
        (SCAN + "a_short_password_is_made_up_in_tests_only",),
    ),
    Guard(
        "what looks like a header in a patch may be a line",
        SUPPLY + "history.py",
        'elif new and line.startswith("+"):',
        'elif new and line.startswith("+") and not line.startswith("+++"):',
        (SCAN + "lines_are_read_out_of_a_patch",),
    ),
    Guard(
        "a service that knows nothing is not asked for the rest",
        SUPPLY + "vulnerabilities.py",
        "    if answer.unknown:\n",
        "    if False:\n",
        (SERVICE + "a_package_that_the_service_does_not_know_was_not_looked_at",),
    ),
    Guard(
        "a package that the service does not know is no good news",
        SUPPLY + "audit.py",
        "    if answer.unknown:\n",
        "    if False:\n",
        (SERVICE + "a_package_that_the_service_does_not_know_was_not_looked_at",),
    ),
    Guard(
        "what was not looked at fails the audit",
        SUPPLY + "audit.py",
        "for each in (Result.FOUND, Result.NOT_LOOKED) if",
        "for each in (Result.FOUND,) if",
        (SERVICE + "the_whole_ends_as_its_worst_part",),
    ),
)
