"""How a function becomes a task, and what is said where it cannot."""

import re
import sys

import pytest

from baton_operator.tasks import (
    Catalogue,
    InvalidArgumentsError,
    InvalidTaskError,
    TaskContext,
    UnknownTaskError,
    task,
)


def test_the_decorator_leaves_the_function_as_it_is():
    @task("acme.double")
    def double(value: int) -> int:
        return 2 * value

    assert double(4) == 8
    assert Catalogue.of(double).get("acme.double").function is double


@pytest.mark.parametrize("name", ["", "a b", "-a", "a-", ".", "ü", "a" * 101, "a\n"])
def test_a_name_that_no_automation_could_say_is_refused(name):
    with pytest.raises(InvalidTaskError, match="is no task name"):
        task(name)(lambda: None)


@pytest.mark.parametrize("name", ["a", "demo.patch-host", "A_1.b", "a" * 100])
def test_names_that_the_custom_resource_allows_are_taken(name):
    task(name)(lambda: None)


def test_what_cannot_be_called_by_name_is_refused():
    with pytest.raises(InvalidTaskError, match="parameter 'value' cannot be given by name"):
        task("a")(lambda value, /: value)
    with pytest.raises(InvalidTaskError, match="parameter 'values' cannot be given by name"):
        task("a")(lambda *values: values)


@pytest.mark.parametrize(
    ("options", "words"), [({"timeout": 0}, "timeout=0"), ({"on_crash": "again"}, "'fail' or 'retry'")]
)
def test_options_that_mean_nothing_are_refused(options, words):
    with pytest.raises(InvalidTaskError, match=re.escape(words)):
        task("a", **options)(lambda: None)


@task("acme.move")
def move(host: str, context: TaskContext, to: str = "eu") -> None:
    """Stand for a task with every kind of parameter."""


@task("acme.anything")
def anything(**values: object) -> None:
    """Stand for a task that takes all."""


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"to"}, "task 'acme.move' needs the argument 'host'"),
        ({"host", "form"}, "task 'acme.move' has no parameter 'form' (it takes: host, to)"),
        ({"host", "context"}, "the argument 'context' is reserved"),
    ],
)
def test_wrong_arguments_are_named(names, words):
    with pytest.raises(InvalidArgumentsError, match=re.escape(words)):
        Catalogue.of(move).get("acme.move").check(names)


@pytest.mark.parametrize("names", [{"host"}, {"host", "to"}])
def test_right_arguments_pass(names):
    Catalogue.of(move).get("acme.move").check(names)


def test_keywords_of_any_name_pass_where_they_are_taken():
    Catalogue.of(anything).get("acme.anything").check({"a", "b"})


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(UnknownTaskError, match=re.escape("'acme.mvoe': did you mean acme.move?")):
        Catalogue.of(move, anything).get("acme.mvoe")


def test_the_built_in_tasks_are_there_without_an_entry_point():
    assert set(Catalogue.discover(group="nobody.offers.this").tasks) == {
        "demo.fail",
        "demo.flaky",
        "demo.hello",
        "demo.noop",
        "demo.patch-host",
        "demo.sleep",
    }


def test_a_package_that_cannot_be_loaded_is_noted_and_the_others_stay(tmp_path, monkeypatch):
    info = tmp_path / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[acme.tasks]\nbad = acme_bad\nexits = acme_exits\ngood = acme_good\ntwin = acme_twin\n"
    )
    mark = "from baton_operator.tasks import task\n@task('acme.one')\ndef one():\n    pass\n"
    (tmp_path / "acme_bad.py").write_text("raise RuntimeError('no licence')")
    (tmp_path / "acme_exits.py").write_text("raise SystemExit(1)")
    (tmp_path / "acme_good.py").write_text(mark)
    (tmp_path / "acme_twin.py").write_text(mark)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Catalogue.discover(built_in=(), group="acme.tasks")
    assert list(found.tasks) == ["acme.one"]
    assert found.broken == {
        "bad": "RuntimeError: no licence",
        "exits": "SystemExit: 1",
        "twin": "task 'acme.one' is already offered by acme_good: rename one of the two",
    }
    for name in ("acme_good", "acme_twin"):
        del sys.modules[name]
