FROM python:3.13-slim

# requirements-otel.lock for traces: docker compose build --build-arg LOCK=requirements-otel.lock
ARG LOCK=requirements.lock
WORKDIR /app
COPY ${LOCK} ./
RUN pip install --no-cache-dir --require-hashes -r ${LOCK}
COPY . .
RUN pip install --no-cache-dir --no-deps . \
    && useradd --uid 10001 --create-home erp \
    && mkdir -p var && chown erp var
USER erp
ENV PYTHONUNBUFFERED=1
CMD ["celery", "-A", "workers", "worker"]
