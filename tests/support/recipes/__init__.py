"""The recipes of CONTRIBUTING.md as edits of a copy, one module a recipe."""
