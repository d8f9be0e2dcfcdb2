"""WorldWarp: walk a keyframed camera into a single picture."""
