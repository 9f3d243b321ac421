"""The Celery tasks of the workers: one small task for each step of a job."""
