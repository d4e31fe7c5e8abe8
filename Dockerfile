# Build: everything into one virtual environment, from hashed lock files.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/bridge && python -m venv /opt/build
COPY requirements.lock requirements-build.lock ./
RUN /opt/bridge/bin/pip install --require-hashes --only-binary=:all: -r requirements.lock \
 && /opt/build/bin/pip install --require-hashes --only-binary=:all: -r requirements-build.lock
COPY pyproject.toml README.md LICENSE routes.toml ./
COPY templates templates
COPY bridge bridge
RUN /opt/build/bin/python -m hatchling build -t wheel -d /tmp/wheel \
 && /opt/bridge/bin/pip install --no-deps /tmp/wheel/*.whl \
 && /opt/bridge/bin/pip uninstall --yes --quiet pip

# Run: the environment alone, as a user that owns nothing but /data.
FROM python:3.13-slim
LABEL org.opencontainers.image.title="Bridge" \
      org.opencontainers.image.description="Webhooks in, Slack messages out" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/bridge /opt/bridge
# /data is writable for everybody in here, which is the one user: a tmpfs that is mounted over it takes over this mode,
# and root as its owner. The store's own files are 0600.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin bridge \
 && mkdir -p /data /config \
 && chown 10001:10001 /data && chmod 1777 /data
ENV PATH=/opt/bridge/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BRIDGE_HOST=0.0.0.0 \
    BRIDGE_PORT=8080 \
    BRIDGE_STORE=sqlite:////data/bridge.db
WORKDIR /config
VOLUME /data
EXPOSE 8080
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["bridge", "health"]
ENTRYPOINT ["bridge"]
CMD ["serve"]
