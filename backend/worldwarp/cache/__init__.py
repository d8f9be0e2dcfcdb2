"""The Gaussian cache: initialise from depth, fit to the history, render as priors.

```
gaussians.py         GaussianCache, initialise: one Gaussian per pixel of known depth
surface.py           tears in depth, and the patch of surface that each pixel saw
visibility.py        what the history views say about points in space
arbitrate.py         z-buffer: what a camera may see
fit.py               Adam on the history views, with loss.py
priors.py            render along the path; what is valid, and how sure that is
points.py            instead of all that: bare points of one size, drawn by splat.py
warp.py              priors by the cache that the settings name
rasterise.py         the one interface: gsplat_rasteriser.py on CUDA, numba_rasteriser.py on the CPU
numba_rasteriser.py  project.py (3D to 2D) -> tiles.py (sort) -> blend.py (composite), forward and backward
torch_twin.py        the same in plain torch: slow, the tests' oracle
```
"""

VERSION = "4"
"""Part of every recipe: changes whenever the cache's pixels do."""
