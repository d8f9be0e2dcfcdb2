"""Training small and large models on places that are made, and on recorded ones."""
