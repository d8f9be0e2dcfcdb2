"""The suite: what each part of the method is worth, on places whose truth is known everywhere.

Rows (variants of the method) are run on held-out made places by the ordinary loop and store, and measured against the
ray cast: whole frames, by zone, and in what was invented. Differences are paired over the places.
"""
