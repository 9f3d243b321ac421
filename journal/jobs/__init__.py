"""The jobs: leases, steps, retries, dead letters and pauses of stores."""
