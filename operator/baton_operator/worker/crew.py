"""The children of one kind: how many there may be, which of them are free, and when none is to be started."""

from baton_operator.worker.children import ChildProcess

#: Seconds between two starts of children that come to nothing: at first, and at most.
RESTART_DELAY, RESTART_DELAY_MOST = 0.5, 30.0


class Crew:
    """
    Children that do the same.

    Args:
        most: How many there may be at once.
        patience: Seconds after which a child that does not take what waits is no longer reckoned with.
        hooks: Whether they call hooks, instead of what attempts hand over.

    Attributes:
        children: Those that run, also while they leave.
    """

    def __init__(self, most: int, patience: float, *, hooks: bool = False) -> None:
        self.hooks = hooks
        self.children: list[ChildProcess] = []
        self._most = most
        self._patience = patience
        self._delay = 0.0
        self._not_before = 0.0

    @property
    def free(self) -> list[ChildProcess]:
        """Those that have nothing to do and may take what waits, now or as soon as they are ready."""
        return [each for each in self.children if each.is_free]

    @property
    def has_room(self) -> bool:
        """Whether there may be one more."""
        return len(self.children) < self._most

    def missing(self, waiting: int, now: float) -> int:
        """Say how many to start where so many tasks are *waiting*, at the moment *now* (``time.monotonic``)."""
        if now < self._not_before:
            return 0
        takers = [each for each in self.free if now - (each.called_since or now) <= self._patience]
        return max(0, min(waiting - len(takers), self._most - len(self.children)))

    def worked(self) -> None:
        """Note that one has begun a task: what kept others from it is over."""
        self._delay = 0.0

    def failed(self, now: float) -> None:
        """Note that one has ended before it began anything: the next ones are started later and later."""
        self._delay = min(RESTART_DELAY_MOST, self._delay * 2 + RESTART_DELAY)
        self._not_before = now + self._delay
