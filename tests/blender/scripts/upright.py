"""A photograph whose camera was held upright: seen as it was taken, whatever way its file lies."""

import sys
from pathlib import Path

import bpy
from shots import report

from blender_addon import picture

photo = Path(sys.argv[1])
rgb = picture.load_picture(photo, None, bpy.context.scene).rgb
picture.LONGEST_SIDE = 60
small = picture.load_picture(photo, None, bpy.context.scene).rgb
report(size=picture.read_size(photo), rgb=rgb.tolist(), small=small.shape, corner=small[4, 4].tolist())
