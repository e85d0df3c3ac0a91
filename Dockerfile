FROM python:3.12-slim-bookworm AS build

WORKDIR /build
COPY requirements-build.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY docs/guide docs/guide
COPY app app
RUN pip wheel --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheel .

FROM python:3.12-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 DATA_DIR=/data PORT=8000
WORKDIR /srv/mutirao

COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
# The file system is read-only later: a process starts faster from what is compiled here.
COPY --from=build /wheel /wheel
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index /wheel/*.whl \
    && PYTHONDONTWRITEBYTECODE= mutirao compile

RUN useradd --system --uid 10001 --home-dir /data mutirao \
    && mkdir /data \
    && chown mutirao:mutirao /data
USER 10001
VOLUME /data
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=3)"]

CMD ["mutirao", "serve", "--host", "0.0.0.0"]
