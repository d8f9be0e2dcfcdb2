"""Paths of a camera, and the words that describe them; numpy only, so that clients speak them without a server."""
