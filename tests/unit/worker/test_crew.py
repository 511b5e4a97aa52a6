"""How many children are started, and when none."""

from baton_operator.worker.crew import RESTART_DELAY_MOST, Crew


def test_as_many_are_missing_as_wait_but_no_more_than_allowed():
    crew = Crew(3, patience=15)
    assert [crew.missing(waiting, 0.0) for waiting in (0, 1, 3, 9)] == [0, 1, 3, 3]
    assert crew.has_room


def delays(crew, count, now=100.0):
    """Let *count* children come to nothing one after the other; give how long none is started after each."""
    found = []
    for _ in range(count):
        crew.failed(now)
        wait = next(each / 2 for each in range(200) if crew.missing(1, now + each / 2))
        found.append(wait)
        now += wait
    return found


def test_children_that_come_to_nothing_are_started_ever_later():
    assert delays(Crew(1, patience=15), 8) == [0.5, 1.5, 3.5, 7.5, 15.5, 30.0, 30.0, 30.0]
    assert RESTART_DELAY_MOST == 30


def test_work_that_was_begun_ends_the_delays():
    crew = Crew(1, patience=15)
    delays(crew, 4)
    crew.worked()
    assert delays(crew, 2) == [0.5, 1.5]
