"""Geometry: depth and cameras of pictures, brought to the scale of the path that the user keyed.

```
alignment.py    an estimate at the scale of the requested cameras, and how far the two are apart
  overlap.py      the depth that is known already; baselines.py the requested cameras; robust.py means
  affine.py       sources of disparity without scale and shift; anchor.py the user's scale of a first frame
sources.py      who estimates: given | ttt3r | depth-anything | mini (TTT3R, small and shipped); depth_anything.py
picture.py      what a single picture shows: depth, lens, floor and horizon; lens.py, floor.py
video.py        the path of the camera that filmed a clip

checkpoint.py   the network's weights: where from, under which licence, where kept
ttt3r.py        the public face: estimate a clip, or go on frame by frame
pictures.py     pictures of any size in, depth at their own size out
network.py      the network on a page: encode, look, heads
  blocks.py       attention and the transformer blocks; rope.py turns positions into angles
  memory.py       the pose memory
  dpt.py          dense heads; heads.py says what they predict, activations.py in which units
update.py       how the recurrent state learns from a frame: the rule of TTT3R
poses.py        pose encoding to matrix and back, chained over resets; rays.py makes ray maps
focal.py        focal length from points
sizing.py       the sizes the network was trained with, and the way back
weights.py      conversion, loading; unpickle.py reads a checkpoint without running what is in it
bench.py        frames a second and memory
```
"""

VERSION = "1"
"""Part of every recipe with estimated depth: changes whenever that depth does, aligned."""
