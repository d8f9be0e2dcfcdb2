"""Geometry: depth of the history at the scale of the requested path."""
