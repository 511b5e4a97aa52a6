"""The guards of Airflow's adapter."""

from __future__ import annotations

from guard import Guard

ADAPTER = "operator/baton_operator/engines/airflow/adapter.py"
API = "operator/baton_operator/engines/airflow/api.py"
RUNS = "operator/baton_operator/engines/airflow/runs.py"
LOGIN = "operator/baton_operator/engines/airflow/token.py"
LOGS = "operator/baton_operator/engines/airflow/logs.py"
FACTS = "tests/contract/test_airflow_facts.py::test_"
TOKENS = "tests/contract/test_airflow_token.py::test_"
OPTIONS = "tests/contract/test_airflow_options.py::test_"
SIGNALS = "tests/contract/test_airflow_signals.py::test_"
STATUS = "tests/unit/engines/test_airflow_status.py::test_"

AIRFLOW = (
    Guard(
        "Airflow: what has ended is not patched",
        ADAPTER,
        "        if status.is_finished:\n            return CancelOutcome.ALREADY_TERMINAL\n",
        "",
        (FACTS + "what_has_ended_is_never_patched",),
    ),
    Guard(
        "Airflow: a word that nobody knows may be an end",
        ADAPTER,
        "        if not is_known:\n",
        "        if False:\n",
        (FACTS + "what_has_ended_is_never_patched",),
    ),
    Guard(
        "Airflow: few cancels are under way at once",
        ADAPTER,
        "        async with self._gate:\n            return await self._cancel(reference, reason)\n",
        "        return await self._cancel(reference, reason)\n",
        (FACTS + "few_requests_are_under_way_at_once",),
    ),
    Guard(
        "Airflow: a run of our name without our marks is foreign",
        RUNS,
        'mark.get("runUid") == run_uid and mark.get("fingerprint") == fingerprint',
        'mark.get("runUid") == run_uid',
        (STATUS + "ours_is_known_by_both_marks",),
    ),
    Guard(
        "Airflow: the mark of an earlier life does not count",
        RUNS,
        'any(mark == (self.queued_at or "") for mark in _MARK.findall(self.note or ""))',
        'bool(_MARK.findall(self.note or ""))',
        (STATUS + "a_state_means", FACTS + "a_cancel_of_an_earlier_life_does_not_count"),
    ),
    Guard(
        "Airflow: a name that is gone is held",
        ADAPTER,
        "            if is_taken(answer):\n",
        "            if False:\n",
        (FACTS + "a_name_that_was_taken_and_then_gone_is_no_refusal",),
    ),
    Guard(
        "Airflow: a 404 of a proxy is no absence",
        API,
        "        if isinstance(error, TargetNotFoundError) and refusal_of(answer) is None:\n",
        "        if False:\n",
        (SIGNALS + "a_read_is_answered",),
    ),
    Guard(
        "Airflow: a login that fails sent nothing else",
        LOGIN,
        "        except RetryableError as error:\n            raise RetryableError(",
        "        except ZeroDivisionError as error:\n            raise RetryableError(",
        (TOKENS + "a_login_that_fails_sent_nothing_else",),
    ),
    Guard(
        "Airflow: one asks for a token",
        LOGIN,
        "self._token is None or self._pair != pair or self._token == refused",
        "self._token is None or self._pair != pair or refused",
        (TOKENS + "a_token_that_airflow_forgot_is_renewed_once",),
    ),
    Guard(
        "Airflow: a wrong password is not tried again at once",
        LOGIN,
        "        if pair == self._refused and clock() < self._refused_until:\n",
        "        if False:\n",
        (TOKENS + "a_wrong_password_is_tried_once_in_a_while",),
    ),
    Guard(
        "Airflow: the redactor knows the token",
        LOGIN,
        "        self._http.redactor.remember(token)\n",
        "",
        (TOKENS + "nobody_sees_password_or_token",),
    ),
    Guard(
        "Airflow: a list has further pages",
        API,
        "            cursor = page.next_cursor\n",
        "            cursor = None\n",
        (OPTIONS + "more_steps_than_a_page_are_all_shown",),
    ),
    Guard(
        "Airflow: a page that is too long is asked for in parts",
        API,
        "                if len(some) == 1:\n                    raise\n",
        "                raise\n",
        (FACTS + "a_page_that_is_too_long_is_asked_for_in_parts",),
    ),
    Guard(
        "Airflow: each try is read once",
        LOGS,
        "attempt if token is not None else attempt + 1",
        "attempt",
        (OPTIONS + "each_try_is_read_once",),
    ),
    Guard(
        "Airflow: the log of what waits has not ended",
        LOGS,
        "            if token is None and not (task.has_ended or attempt < task.try_number):\n",
        "            if False:\n",
        (OPTIONS + "a_log_that_has_no_token_yet_goes_on",),
    ),
)
