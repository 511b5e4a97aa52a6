"""The guards of Jenkins' adapter."""

from __future__ import annotations

from guard import Guard

ADAPTER = "operator/baton_operator/engines/jenkins/adapter.py"
ANSWERS = "operator/baton_operator/engines/jenkins/answers.py"
API = "operator/baton_operator/engines/jenkins/api.py"
BUILDS = "operator/baton_operator/engines/jenkins/builds.py"
FIND = "operator/baton_operator/engines/jenkins/find.py"
JOBS = "operator/baton_operator/engines/jenkins/jobs.py"
SEARCH = "operator/baton_operator/engines/jenkins/search.py"
TRACK = "operator/baton_operator/engines/jenkins/track.py"
FACTS = "tests/contract/test_jenkins_facts.py::"
TRACKED = "tests/contract/test_jenkins_builds_tracked.py::"
ACCESS = "tests/contract/test_jenkins_access.py::TestCredentials::test_"
UNIT = "tests/unit/engines/test_jenkins_"

JENKINS = (
    Guard(
        "Jenkins: a merged submit is ours only with our token",
        ADAPTER,
        "        if item.has_token(request.token) and item.is_of(request):\n",
        "        if True:\n",
        (FACTS + "TestMerging::test_without_a_token_an_equal_item_is_somebody_elses",),
    ),
    Guard(
        "Jenkins: a result counts only once nothing builds",
        BUILDS,
        "    if build.building:\n        return ExecutionStatus.PROCESSING",
        "    if build.building and not build.result:\n        return ExecutionStatus.PROCESSING",
        (UNIT + "builds.py::test_results_mean",),
    ),
    Guard(
        "Jenkins: behind a gap of its numbers a list proves nothing",
        BUILDS,
        "            if self._expected is None or build.number == self._expected:\n",
        "            if True:\n",
        (UNIT + "builds.py::test_a_list_counts_as_far_as_it_has_no_gap",),
    ),
    Guard(
        "Jenkins: builds that do not show the token prove nothing",
        SEARCH,
        "        memory = 0.0 if self._reach is None or not self._declares_token else self._reach.memory(now)\n",
        "        memory = 0.0 if self._reach is None else self._reach.memory(now)\n",
        (FACTS + "TestAbsence::test_without_a_token_an_absence_is_no_evidence",),
    ),
    Guard(
        "Jenkins: one look is of one life (rule R8)",
        SEARCH,
        "        if self.epoch is not None and epoch is not None and epoch != self.epoch:\n",
        "        if False:\n",
        (FACTS + "TestRestarts::test_a_restart_in_the_middle_of_a_look_is_no_answer",),
    ),
    Guard(
        "Jenkins: a number alone is no build",
        TRACK,
        "    return build.identity == identity_of(reference.external_id) and token in {None, reference.token}\n",
        "    return token in {None, reference.token} or token\n",
        (TRACKED + "TestBuilds::test_a_job_that_was_made_anew_has_other_builds",),
    ),
    Guard(
        "Jenkins: a second build of our token is told (rule R7)",
        TRACK,
        "            elif build.identity not in self._asked:\n                self._compare(build)\n",
        "",
        (TRACKED + "TestBuilds::test_a_second_build_of_our_token_is_a_duplicate",),
    ),
    Guard(
        "Jenkins: what has ended is not stopped",
        ADAPTER,
        "        if not build.building:\n            return CancelOutcome.ALREADY_TERMINAL\n",
        "",
        (TRACKED + "TestStopping::test_what_has_ended_is_sent_nothing",),
    ),
    Guard(
        "Jenkins: a stranger's item is not withdrawn",
        ADAPTER,
        "        if item is None or not item.is_of(request):\n            return CancelOutcome.NOT_FOUND\n",
        "        if item is None:\n            return CancelOutcome.NOT_FOUND\n",
        (FACTS + "TestRestarts::test_a_number_that_was_given_out_again_is_not_ours",),
    ),
    Guard(
        "Jenkins: one 401 is not final",
        API,
        "        if answer.status != HTTPStatus.UNAUTHORIZED or ends - clock() <= AUTH_PAUSE + _SHORTEST:\n",
        "        if True:\n",
        (ACCESS + "a_401_while_it_starts_is_not_final",),
    ),
    Guard(
        "Jenkins: a proxy's 404 is no absence",
        ANSWERS,
        "    if isinstance(error, TargetNotFoundError) and not is_of_jenkins(answer):\n",
        "    if False:\n",
        (UNIT + "answers.py::test_what_a_read_is_answered",),
    ),
    Guard(
        "Jenkins: a page is not shown, it holds a crumb",
        ANSWERS,
        "    if not answer.is_page:\n        return",
        "    if True:\n        return",
        (UNIT + "answers.py::test_what_people_read",),
    ),
    Guard(
        "Jenkins: a job that is gone lets nothing wait",
        FIND,
        "newest=sys.maxsize if job_is_gone else search.newest",
        "newest=search.newest",
        (FACTS + "TestFollowing::test_what_left_a_job_that_is_gone_proves_nothing",),
    ),
    Guard(
        "Jenkins: what is Baton's own is no argument",
        JOBS,
        "    if name in _RESERVED:\n",
        "    if False:\n",
        (UNIT + "jobs.py::test_what_cannot_be_sent_is_refused_before",),
    ),
)
