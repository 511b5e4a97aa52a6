"""The guards of a worker's children: they come with work, go without, and never in a tight loop."""

from __future__ import annotations

from guard import Guard

STAFF = "operator/baton_operator/worker/staff.py"
CREW = "operator/baton_operator/worker/crew.py"
ON_DEMAND = "tests/integration/worker/test_children_on_demand.py::test_"

WORKERS = (
    Guard(
        "no child is started without work",
        CREW,
        "return max(0, min(waiting - len(takers), self._most - len(self.children)))",
        "return self._most - len(self.children)",
        (ON_DEMAND + "there_is_no_child_before_there_is_work",),
    ),
    Guard(
        "a task that must not begin yet is no work",
        "operator/baton_operator/worker/claims.py",
        "                JOIN dispatch_attempt a ON a.token = t.token AND a.state = 'ACKED'\n                WHERE",
        "                JOIN dispatch_attempt a ON a.token = t.token\n                WHERE",
        (ON_DEMAND + "there_is_no_child_before_there_is_work",),
    ),
    Guard(
        "what was not announced is found",
        STAFF,
        "                    async with asyncio.timeout(self._settings.poll):\n",
        "                    async with asyncio.timeout(600):\n",
        (ON_DEMAND + "a_task_that_was_not_announced_is_found",),
    ),
    Guard(
        "a child without work goes",
        STAFF,
        '                    each.leave("retire")\n',
        "                    pass\n",
        (ON_DEMAND + "a_child_without_work_goes_quietly_and_the_next_task_gets_another",),
    ),
    Guard(
        "a child looks once more before it goes",
        "operator/baton_operator/worker/child.py",
        "            claim = self._claim()\n            if claim is None and is_last_look:\n",
        "            claim = None if is_last_look else self._claim()\n            if is_last_look:\n",
        (ON_DEMAND + "a_child_that_was_told_to_go_takes_what_has_come_meanwhile",),
    ),
    Guard(
        "a child that does not answer is not reckoned with",
        CREW,
        "takers = [each for each in self.free if now - (each.called_since or now) <= self._patience]",
        "takers = self.free",
        (ON_DEMAND + "a_child_that_does_not_answer_keeps_no_task_waiting",),
    ),
    Guard(
        "children that come to nothing are started ever later",
        CREW,
        "        self._not_before = now + self._delay\n",
        "        self._not_before = now\n",
        ("tests/unit/worker/test_crew.py::test_children_that_come_to_nothing_are_started_ever_later",),
    ),
    Guard(
        "a child that is started while the worker drains begins nothing",
        STAFF,
        '            each.leave("drain")\n        self._asked.set()\n',
        "            each.leaving = True\n        self._asked.set()\n",
        (ON_DEMAND + "a_worker_drains_while_a_child_starts",),
    ),
)
