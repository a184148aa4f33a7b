"""Runs modules, each in a process of its own."""
