# One image for every process; `payswitch up` runs them all, or run them apart. The database is yours: PAYSWITCH_DATABASE.
FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY LICENSE README.md pyproject.toml ./
COPY schemas schemas
COPY ledger ledger
COPY adapters adapters
COPY switch switch
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

# What is built with stays behind: here is only what a switch in service needs.
FROM python:3.12-slim
RUN useradd --create-home --uid 10001 payswitch && mkdir /data && chown payswitch /data
WORKDIR /app
COPY requirements-production.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-production.lock
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-deps /wheels/*.whl

USER payswitch
ENV PAYSWITCH_HOST=0.0.0.0 PAYSWITCH_DATA=/data
VOLUME /data
EXPOSE 8320
HEALTHCHECK --interval=10s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8320/readyz', timeout=3)"]
ENTRYPOINT ["payswitch"]
CMD ["up"]
