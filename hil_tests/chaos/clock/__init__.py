"""Holds a `sitecustomize` that a process under test gets by PYTHONPATH."""
