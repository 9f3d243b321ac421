"""ERPs that speak JSON over HTTP, each described by a profile: docs/erp/rest.md."""
