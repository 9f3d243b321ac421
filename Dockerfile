FROM python:3.13-slim

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps . \
    && useradd --uid 10001 --create-home erp \
    && mkdir -p var && chown erp var
USER erp
ENV PYTHONUNBUFFERED=1
CMD ["celery", "-A", "workers", "worker"]
