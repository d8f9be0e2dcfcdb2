"""Where chunks are computed."""

import os

# Idle OpenMP threads of torch spin and take the cores from the rasteriser's: let them sleep (read when torch loads).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
