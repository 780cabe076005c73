# One image for every process: `payswitch up` runs them all, or run them apart. The database is yours:
# PAYSWITCH_DATABASE. Pin the base by digest: --build-arg PYTHON=python:3.12-slim-bookworm@sha256:...
ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv --without-pip /opt/payswitch
COPY requirements-production.lock /build/
# Every package is a wheel, checked by its hash: nothing is compiled, and no build tool is installed.
RUN python -m pip --python /opt/payswitch/bin/python install --require-hashes --only-binary :all: \
    --requirement /build/requirements-production.lock
COPY pyproject.toml README.md LICENSE /build/
COPY schemas /build/schemas
COPY ledger /build/ledger
COPY adapters /build/adapters
COPY switch /build/switch
RUN ["/opt/payswitch/bin/python", "/build/switch/deploy/image/install.py", "/build", "/opt/payswitch"]
# What is in it: the bill of materials, made from the lock and from what was truly installed.
RUN ["/opt/payswitch/bin/python", "/build/switch/deploy/image/sbom.py", "/build/requirements-production.lock", \
     "/build/pyproject.toml", "/opt/payswitch/sbom.cdx.json"]

# The build stays behind: here is Python, the environment with the switch in it, and no package installer.
FROM ${PYTHON}
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin payswitch \
    && install --directory --owner=payswitch --group=payswitch --mode=0700 /data \
    && install --directory --owner=payswitch --group=payswitch --mode=0755 /dashboards \
    && python -m pip uninstall --yes --quiet pip
COPY --from=build /opt/payswitch /opt/payswitch
LABEL org.opencontainers.image.title="payswitch" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/payswitch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONSAFEPATH=1 \
    PAYSWITCH_HOST=0.0.0.0 \
    PAYSWITCH_DATA=/data
# The root may be read-only. /data is written, and /tmp, which may be in memory.
VOLUME /data
WORKDIR /data
USER 10001:10001
EXPOSE 8320
# A start loads its programs and applies migrations: until the start period ends, a failure counts as starting.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["/opt/payswitch/bin/python", "-m", "switch.processes.health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/payswitch/bin/payswitch"]
CMD ["up"]
