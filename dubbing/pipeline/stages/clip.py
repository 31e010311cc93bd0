"""clip: one line as it will be, in a small video: its picture with the new mouth, its sound in the mix around it.

Beside it the same moments with the original picture on the left, for a comparison of the mouths.
"""

from __future__ import annotations

CLIP, SIDE = "clip.mp4", "side.mp4"
