"""Operations on pictures, sound and paths, each as a Triton kernel and as its twin in plain PyTorch.

One folder an operation: ``reference.py`` (the definition), ``kernel.py`` (imported only when it runs), ``cases.py``
(inputs on which the two are compared). Importing this needs neither Triton nor a GPU.
"""

from __future__ import annotations

from lipsync_core.ops.conv2d import conv2d
from lipsync_core.ops.conv_transpose2d import conv_transpose2d
from lipsync_core.ops.dispatch import using

OPERATIONS = ("conv2d", "conv_transpose2d")

__all__ = ["OPERATIONS", "conv2d", "conv_transpose2d", "using"]
