"""Keeps results under a key that covers everything they depend on."""
