"""Where jobs are, what is sent to them, and what is said of what they declare."""

from typing import Any

import msgspec
import pytest

from baton_operator.engines.base import SubmitRequest
from baton_operator.engines.jenkins.jobs import Job, Place, form, is_marked, place_of, refusal, text_of

STRING = "StringParameterDefinition"
TOKEN = f"baton-{'0' * 32}-a1"


def request(**changes: Any) -> SubmitRequest:
    """Make a request."""
    given = {
        "token": TOKEN,
        "fingerprint": "f" * 64,
        "run_uid": "u",
        "run_name": "r",
        "namespace": "team",
        "target": {"job": ["nap"]},
        "arguments": {"SECS": 1},
    }
    return SubmitRequest(**given | changes)


def job(parameters: dict[str, str] | None = None, **changes: Any) -> Job:
    """Read a job as Jenkins writes it; *parameters* are types by name."""
    declared = [{"name": name, "type": kind} for name, kind in (parameters or {}).items()]
    holder = {"_class": "hudson.model.ParametersDefinitionProperty", "parameterDefinitions": declared}
    document = {
        "_class": "hudson.model.FreeStyleProject",
        "buildable": True,
        "disabled": False,
        "property": [{}, holder] if declared else [{}],
    }
    return msgspec.json.decode(msgspec.json.encode(document | changes), type=Job)


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (["nap"], "/job/nap"),
        (["team", "nightly"], "/job/team/job/nightly"),
        (["app", "feature/x"], "/job/app/job/feature%252Fx"),
        (["app", "feature%2Fx"], "/job/app/job/feature%252Fx"),
        (["two words", "žluť"], "/job/two%20words/job/%C5%BElu%C5%A5"),
        (["a?b", "c#d", "e;f"], "/job/a%3Fb/job/c%23d/job/e%3Bf"),
        (["job"], "/job/job"),
    ],
)
def test_each_name_is_encoded_once(names: list[str], path: str) -> None:
    """A branch may be named as people know it: a job's own name has no slash."""
    place = place_of({"job": names})
    assert place is not None
    assert place.path == path


@pytest.mark.parametrize("names", [None, [], "nap", [""], ["a", ""], [".."], ["."], ["a", " .. "], [1], [None]])
def test_what_names_no_job_has_no_place(names: Any) -> None:
    """No name may be empty or lead elsewhere."""
    assert place_of({"job": names}) is None
    assert refusal(request(target={"job": names})) is not None


def test_a_job_is_called_by_its_full_name() -> None:
    """With slashes, as Jenkins does."""
    assert Place(("team", "app", "feature%2Fx")).full_name == "team/app/feature%2Fx"


def test_the_form_has_the_marks_beside_the_arguments() -> None:
    """Texts stay as they are, anything else is JSON."""
    arguments = {"TEXT": 'a "b" & c\n', "COUNT": 3, "FLAG": True, "LIST": [1, None]}
    assert form(request(arguments=arguments, traceparent="00-1-2-01")) == {
        "TEXT": 'a "b" & c\n',
        "COUNT": "3",
        "FLAG": "true",
        "LIST": "[1,null]",
        "BATON_TOKEN": TOKEN,
        "BATON_FINGERPRINT": "f" * 64,
        "BATON_TRACEPARENT": "00-1-2-01",
    }
    assert "BATON_TRACEPARENT" not in form(request())


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "Baton-1"},
        {"token": ""},
        {"token": "a" * 46},
        {"target": {}},
        {"arguments": {"": 1}},
        {"arguments": {"delay": "60"}},
        {"arguments": {"BATON_TOKEN": "mine"}},
        {"arguments": {"BATON_FINGERPRINT": "mine"}},
        {"arguments": {"BATON_TRACEPARENT": "mine"}},
        {"arguments": {"A": "\ud800"}},
        {"arguments": {"A": object()}},
    ],
)
def test_what_cannot_be_sent_is_refused_before(changes: dict[str, Any]) -> None:
    """Jenkins would answer 500, take the quiet period from us, or keep something else."""
    assert refusal(request(**changes))


def test_what_can_be_sent_is_not_refused() -> None:
    """Odd values are values."""
    assert refusal(request(arguments={"A": "", "token": "x", "B": "=&%\x00", "C": {"a": [1]}})) is None


@pytest.mark.parametrize(("value", "text"), [("a", "a"), ("", ""), (1, "1"), (None, "null"), (False, "false")])
def test_values_as_parameters(value: Any, text: str) -> None:
    """Strings as they are, the rest as JSON."""
    assert text_of(value) == text


ALL = {"BATON_TOKEN": STRING, "SECS": STRING}


@pytest.mark.parametrize(
    ("given", "arguments", "problems"),
    [
        (job(ALL), ["SECS"], []),
        (job(ALL), [], []),
        (job({"BATON_TOKEN": "TextParameterDefinition"}), [], []),
        (job(ALL), ["SECS", "TYPO"], [("InvalidArguments", True)]),
        (job(ALL), ["delay"], [("InvalidArguments", True)]),
        (job(ALL), ["BATON_TOKEN"], [("InvalidArguments", True)]),
        (job({"SECS": STRING}), ["SECS"], [("MissingTokenParameter", False)]),
        (job({"BATON_TOKEN": "PasswordParameterDefinition"}), [], [("MissingTokenParameter", False)]),
        (job(), [], [("MissingTokenParameter", True)]),
        (job(property=None), [], [("MissingTokenParameter", True)]),
        (job(ALL, disabled=True), [], [("TargetNotFound", True)]),
        (job(ALL, buildable=False, disabled=None), [], [("TargetNotFound", True)]),
        (job(buildable=None, disabled=None, property=None), ["A"], [("TargetNotFound", True)]),
    ],
)
def test_a_target_is_compared_with_the_job(given: Job, arguments: list[str], problems: list[tuple[str, bool]]) -> None:
    """What Jenkins would drop in silence or refuse is said before; a missing token weakens and does not block."""
    assert [(each.reason, each.blocking) for each in given.problems("team/nap", arguments)] == problems


def test_a_folder_is_called_one() -> None:
    """The message says what is there."""
    folder = job(buildable=None, _class="com.cloudbees.hudson.plugins.folder.Folder")
    (problem,) = folder.problems("team", [])
    assert problem.message == "team is no job but a Folder: name a job in target.jenkins.job"


@pytest.mark.parametrize(
    ("recorded", "arguments", "marked"),
    [
        ({"BATON_FINGERPRINT": "f" * 64, "SECS": "9"}, {"SECS": 1}, True),
        ({"BATON_FINGERPRINT": "0" * 64, "SECS": "1"}, {"SECS": 1}, False),
        ({"BATON_FINGERPRINT": "", "SECS": "1"}, {"SECS": 1}, False),
        ({"SECS": "1"}, {"SECS": 1}, True),
        ({"SECS": "2"}, {"SECS": 1}, False),
        ({"FLAG": True}, {"FLAG": True}, True),
        ({"FLAG": False}, {"FLAG": True}, False),
        ({"FLAG": True}, {"FLAG": "true"}, True),
        ({"TEXT": "a\nb"}, {"TEXT": " a\r\nb "}, True),
        ({"SECRET": None}, {"SECRET": "x"}, True),
        ({}, {"DROPPED": "x"}, True),
        ({"OTHER": "x"}, {}, True),
    ],
)
def test_marks_are_the_fingerprint_or_the_arguments(
    recorded: dict[str, Any], arguments: dict[str, Any], marked: bool
) -> None:
    """Where the fingerprint is declared it alone counts; else the arguments that the job keeps and shows."""
    assert is_marked(recorded, request(arguments=arguments)) is marked
