# Baton's image: operator, worker, migrations and command line. `make image` builds it; docs/image.md explains it.
#
# Build arguments: PYTHON, the base (CPython 3.11+ in /usr/local); PIP_INDEX_URL, a package index of your own;
# SITE_CA, the text of a certificate authority that it needs; BATON_VERSION and BATON_REVISION, for the labels.
ARG PYTHON=python:3.12-slim

FROM ${PYTHON} AS build
ARG SITE_CA=""
RUN if [ -n "$SITE_CA" ]; then \
      { cat /etc/ssl/certs/ca-certificates.crt; echo "$SITE_CA"; } > /site-ca.pem; \
      python3 -m pip config --global set global.cert /site-ca.pem; \
    fi
ARG PIP_INDEX_URL=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements-image.lock ./
# Byte code for all that the last stage has, the base's library too: a root that is read-only cannot keep it later. It is
# not compared with its source at each start: nothing changes a file beneath it.
RUN set -eu; \
    python3 -m pip install --quiet --no-compile --ignore-installed --require-hashes --prefix /dependencies \
      -r requirements-image.lock; \
    rm -rf /dependencies/bin /dependencies/include; \
    library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))'); \
    compile() { python3 -m compileall -q -f -j 0 --invalidation-mode unchecked-hash "$@"; }; \
    compile -s /dependencies -p /usr/local /dependencies; \
    compile -x '/(site-packages|test|idlelib|tkinter|turtledemo|lib2to3|ensurepip|pydoc_data)/' "$library"; \
    cd "$library"; \
    find . -path ./site-packages -prune -o -name '*.pyc' -exec cp --parents -t "/dependencies/lib/${library##*/}" {} +
COPY requirements-build.lock ./
RUN python3 -m pip install --quiet --no-compile --require-hashes -r requirements-build.lock
COPY . ./
RUN set -eu; \
    python3 -m hatchling build -t wheel -d /wheel > /dev/null; \
    python3 -m pip install --quiet --no-compile --no-deps --no-index --find-links /wheel --prefix /baton baton; \
    python3 -m compileall -q -f -s /baton -p /usr/local --invalidation-mode unchecked-hash /baton; \
    mkdir -p /extensions /baton/share/baton; \
    python3 -m pip list --format freeze --path /dependencies/lib/python*/site-packages \
      --path /baton/lib/python*/site-packages > /baton/share/baton/constraints.txt

FROM ${PYTHON}
COPY --from=build /dependencies /usr/local
COPY --from=build /baton /usr/local
# What `pip install` in an image made FROM this one writes: the packages of a site, never Baton's own.
COPY --from=build --chown=65532:65532 /extensions /extensions
ENV PYTHONUSERBASE=/extensions PIP_USER=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_CONSTRAINT=/usr/local/share/baton/constraints.txt \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ARG BATON_VERSION=unknown
ARG BATON_REVISION=unknown
ENV BATON_REVISION=${BATON_REVISION}
LABEL org.opencontainers.image.title="Baton" \
      org.opencontainers.image.description="One Kubernetes API over every orchestrator a team already runs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${BATON_VERSION}" \
      org.opencontainers.image.revision="${BATON_REVISION}"
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["baton-operator"]
