"""Operations on pictures, sound and paths, each as a Triton kernel and as its twin in plain PyTorch.

One folder an operation: ``reference.py`` (the definition), ``kernel.py`` (imported only when it runs), ``cases.py``
(inputs on which the two are compared). Importing this needs neither Triton nor a GPU. An operation and its folder share
a name: ``lipsync_core.ops.conv2d`` is the operation, ``from lipsync_core.ops.conv2d import kernel`` reaches inside.
"""

from __future__ import annotations

from lipsync_core.ops.conv2d import conv2d
from lipsync_core.ops.conv_transpose2d import conv_transpose2d
from lipsync_core.ops.crop_warp import crop_warp, crop_warp_yuv, from_yuv
from lipsync_core.ops.dispatch import recording, using
from lipsync_core.ops.log_mel import log_mel
from lipsync_core.ops.mesh_warp import mesh_table, remap
from lipsync_core.ops.paste_blend import measure_light, paste_blend
from lipsync_core.ops.selection import distances, shortest_path

OPERATIONS = ("conv2d", "conv_transpose2d", "crop_warp", "paste_blend", "mesh_warp", "selection", "log_mel")

__all__ = ["OPERATIONS", "conv2d", "conv_transpose2d", "crop_warp", "crop_warp_yuv", "distances", "from_yuv", "log_mel",
           "measure_light", "mesh_table", "paste_blend", "recording", "remap", "shortest_path", "using"]
