"""Faults thrown at whole commands for long; `make soak` does it, the tests do a little of it."""
