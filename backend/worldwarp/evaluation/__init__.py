"""How good a finished shot is: poses of its frames, found from nothing but pixels and depth, against what was asked."""
