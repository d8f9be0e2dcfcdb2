"""What a run leaves behind, derived from its committed chunks."""
