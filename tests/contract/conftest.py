"""The suite is no test module, so its assertions are rewritten by request."""

import pytest

pytest.register_assert_rewrite("baton_fakes.conformance", "baton_fakes.hostile")
