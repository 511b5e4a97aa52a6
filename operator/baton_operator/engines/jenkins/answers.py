"""
What Jenkins' answers say, beside the table of `answers`.

| signal                                              | what it means                                            |
|-----------------------------------------------------|----------------------------------------------------------|
| 403 "No valid crumb …"                              | not executed: a password needs crumb and session         |
| 403 with ``X-Required-Permission``, or without      | the user may not do this; a person may mend it           |
| 404 with ``X-Jenkins``                              | not there, or not to be seen by us                       |
| 404 without                                         | a proxy said it: proves nothing                          |
| 503 with ``X-Jenkins``, or the page while it starts | Jenkins said it: not executed                            |
| 503 without                                         | a proxy said it: proves nothing                          |
| 500                                                 | proves nothing                                           |
| 400 unparameterised, 409 disabled                   | refused; Jetty's own page, which has no ``X-Jenkins``    |

Measured on 2.568.2. Errors are pages of up to 85 KB, and Jenkins' own pages hold a crumb: no page is shown to people,
only what is known to be words in it.
"""

import html
import re
from http import HTTPStatus

from baton_operator.engines.answers import Answer, read_error, write_outcome
from baton_operator.engines.base import NotSent, Outcome, Unknown
from baton_operator.engines.errors import EngineError, ProtocolDriftError, TargetNotFoundError

_NO_CRUMB = b"No valid crumb was included in the request"
#: The page while Jenkins starts is written before there is a Jenkins that could take anything in.
_STARTING = re.compile(rb"<title>Starting Jenkins</title>|Jenkins is getting ready to work")
_WORDS = (
    re.compile(rb"<tr><th>MESSAGE:</th><td>([^<]{1,2000})</td>"),
    re.compile(rb"<title>(?:Error )?([^<]{1,500})</title>"),
)


def is_of_jenkins(answer: Answer) -> bool:
    """Whether Jenkins itself said it, not something in front of it."""
    return "x-jenkins" in answer.headers


def epoch_of(answer: Answer) -> str | None:
    """Return the restart epoch, which comes with every answer of ``api/json``."""
    return answer.headers.get("x-jenkins-session", "")[:100] or None


def lacks_crumb(answer: Answer) -> bool:
    """Whether a write was refused, not executed, for the lack of a valid crumb."""
    return answer.status == HTTPStatus.FORBIDDEN and _NO_CRUMB in answer.body


def words(answer: Answer) -> str:
    """Return what an answer says, for people, before secrets are taken out."""
    if permission := answer.headers.get("x-required-permission"):
        return f"Jenkins' user lacks the permission {permission}"
    if lacks_crumb(answer):
        return "Jenkins wants a crumb with every request of this user: use an API token, not a password"
    if said := answer.headers.get("x-error"):
        return said
    if not answer.is_page:
        return answer.text(500).strip() or f"Jenkins answered {answer.status}"
    for pattern in _WORDS:
        if found := pattern.search(answer.body):
            return f"Jenkins answered {answer.status}: {html.unescape(found[1].decode('utf-8', 'replace')).strip()}"
    return f"Jenkins answered {answer.status}"


def read_failure(answer: Answer, message: str) -> EngineError:
    """Say what a refused read means; a 404 counts only if Jenkins itself said it."""
    error = read_error(answer, message)
    if isinstance(error, TargetNotFoundError) and not is_of_jenkins(answer):
        return ProtocolDriftError("a 404 that is not Jenkins' own: check spec.url", http_status=answer.status)
    return error


def submit_outcome(answer: Answer, message: str) -> Outcome:
    """Say what a submit's answer other than 201 and 303 means."""
    if lacks_crumb(answer):
        return NotSent(message, http_status=answer.status, auth=True)
    if answer.status == HTTPStatus.NOT_FOUND and not is_of_jenkins(answer):
        return Unknown(f"a 404 that is not Jenkins' own: {message}", http_status=answer.status)
    marked = is_of_jenkins(answer) or _STARTING.search(answer.body) is not None
    return write_outcome(answer, message, marked=marked)
