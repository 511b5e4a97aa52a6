"""
`baton` and `kubectl-baton`: what people type.

The room's law: a command reads its options, calls another room, and shows the answer. Only here is rich used. Errors
are one line that says what to do; the exit codes are those of `exits`.
"""


def main() -> None:
    """Run the command line; never returns."""
    from baton_operator.cli.application import application  # noqa: PLC0415 - `import baton_operator.cli` costs nothing

    application()()
