"""What stands in a fixture for the names that each test's stage has for itself."""

NAMESPACE = "first-landing"
ARGO_URL = "http://argo.example"
