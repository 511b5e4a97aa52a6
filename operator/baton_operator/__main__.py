"""`baton-operator`: where process 1 begins, before anything is imported that takes time."""

from baton_operator.early_stop import end_when_told, importing


def main() -> None:
    """Run until SIGTERM; the exit status says why it ended."""
    end_when_told()
    with importing():
        from baton_operator import operate  # noqa: PLC0415 - takes a second, in which SIGTERM counts already
    operate.main()


if __name__ == "__main__":
    main()
