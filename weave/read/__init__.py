"""Reads modules: from text to cells, and what running them loads."""
