# One image for every process; `payswitch up` runs them all, or run them apart with a database of your own.
FROM python:3.12-slim

RUN useradd --create-home --uid 10001 payswitch
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY schemas schemas
COPY ledger ledger
COPY adapters adapters
COPY switch switch
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && mkdir /data && chown payswitch /data

USER payswitch
ENV PAYSWITCH_HOST=0.0.0.0 PAYSWITCH_DATA=/data
VOLUME /data
EXPOSE 8320
HEALTHCHECK --interval=10s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8320/readyz', timeout=3)"]
ENTRYPOINT ["payswitch"]
CMD ["up"]
