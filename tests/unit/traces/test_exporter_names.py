"""When traces are on: what the environment says, read as OpenTelemetry reads it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from baton_operator.traces import configured, exporter_names

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, []),
        ({"OTEL_SERVICE_NAME": "baton"}, []),
        (ENDPOINT, ["otlp_proto_http"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector/v1/traces"}, ["otlp_proto_http"]),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ["otlp_proto_http"]),
        ({"OTEL_TRACES_EXPORTER": "otlp, console"}, ["otlp_proto_http", "console"]),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ["otlp_proto_grpc"]),
        (
            {
                **ENDPOINT,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            },
            ["otlp_proto_http"],
        ),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, []),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, []),
    ],
)
def test_the_environment_says_which_exporters(environ: dict[str, str], names: list[str]) -> None:
    assert exporter_names(environ) == names


def test_an_exporter_that_nobody_has_installed_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """The operator works on without traces, and says so once."""
    assert configured({"OTEL_TRACES_EXPORTER": "no-such"}) is None
    assert [each.message for each in caplog.records] == ["traces.no_such_exporter"]


def test_nothing_is_imported_where_nobody_wants_traces() -> None:
    program = (
        "import sys; import baton_operator.app; from baton_operator.traces import configured; "
        "assert configured({}) is None; sys.exit(any(each.startswith('opentelemetry') for each in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
