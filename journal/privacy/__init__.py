"""The deletion of personal data: by age, and for one customer."""
