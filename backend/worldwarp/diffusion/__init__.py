"""ST-Diff: revises what was warped and invents what is blank, with one noise level per token (paper section 4)."""

VERSION = "2"
"""Raised when the same inputs give other pixels."""
