"""Documents for the tests: sound ones, hostile ones, NF-e files."""
