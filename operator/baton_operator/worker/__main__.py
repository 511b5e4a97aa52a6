"""`baton-worker`: where process 1 of a worker's Pod begins, before anything is imported that takes time."""

from baton_operator.early_stop import end_when_told, importing


def main() -> None:
    """Run the tasks of the Embedded engine until SIGTERM."""
    end_when_told()
    with importing():
        from baton_operator.worker import work  # noqa: PLC0415 - takes a second, in which SIGTERM counts already
    work.main()


if __name__ == "__main__":
    main()
