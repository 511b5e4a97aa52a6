"""
The control plane: Kubernetes says what people want, PostgreSQL what happened, engines do the work.

Law: `cli` and `handlers` call `loops`, loops call `decide`, `engines` and `kube`; nothing points back. Only `app`
constructs things. Only `handlers` and `operate` know kopf, only `engines` speaks HTTP to engines.
"""

VERSION = "0.1.0"
GROUP = "baton.dev"
API_VERSION = "v1alpha1"
