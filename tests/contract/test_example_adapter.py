"""The example of docs/write-an-adapter.md, with its own tests: what a third party's adapter goes through."""

from test_job_server import TestContract, TestHostileAnswers, harness

__all__ = ["TestContract", "TestHostileAnswers", "harness"]
