"""What the workers do, one small Celery task a step."""
