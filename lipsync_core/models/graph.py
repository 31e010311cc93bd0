"""The fused generator as one CUDA graph per batch size: some fifty launches become one.

At small batches a layer takes less time than Python needs to launch it; a replayed graph has no such gaps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lipsync_core.models.fused import FACE_CHANNELS, FusedWav2Lip
from lipsync_core.models.wav2lip import FACE_SIZE, MEL_BANDS, MEL_STEPS

#: Runs before the capture: they compile and load every kernel, which a capture must not do.
_WARM_UPS = 3


class GraphedWav2Lip:
    """`FusedWav2Lip` for a fixed batch, called as `Wav2Lip` is. Longer inputs run in pieces, the last one padded.

    from_bytes: it is fed uint8 [n, 96, 96, 3] BGR crops instead of floating faces. to_bytes: it returns uint8. Not safe
    for two threads at once: the buffers are its own. Without CUDA the same buffers feed the program directly.
    """

    def __init__(self, fused: FusedWav2Lip, batch: int, from_bytes: bool = False, to_bytes: bool = False) -> None:
        self._fused, self.batch = fused, batch
        device, dtype = fused.device, fused.dtype
        self._audio = torch.zeros(batch, MEL_BANDS, MEL_STEPS, 1, device=device, dtype=dtype)
        self._face = torch.zeros(batch, FACE_SIZE, FACE_SIZE, 3 if from_bytes else FACE_CHANNELS, device=device,
                                 dtype=torch.uint8 if from_bytes else dtype)
        self._out_dtype = torch.uint8 if to_bytes else None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._out: Tensor | None = None
        if device.type == "cuda":
            self._capture()

    def __call__(self, audio: Tensor, face: Tensor) -> Tensor:
        """audio [n, 1, 80, 16] and faces -> [n, 3, 96, 96] (channels last in memory), for any n >= 1.

        face: floating [n, 6, 96, 96] or [n, 96, 96, 8], or uint8 [n, 96, 96, 3] where it was made ``from_bytes``.
        """
        count = audio.shape[0]
        if face.shape[0] != count:
            raise ValueError(f"{count} sound windows for {face.shape[0]} faces")
        if face.is_floating_point() != self._face.is_floating_point():
            raise ValueError(f"this graph was made for {self._face.dtype} faces, not {face.dtype}")
        sound, face = self._fused.sound(audio), self._fused.faces(face)
        pieces = []
        for start in range(0, count, self.batch):
            stop = min(start + self.batch, count)
            # Rows beyond the last piece keep old values: pictures do not hear of each other, so they do no harm.
            self._audio[: stop - start].copy_(sound[start:stop], non_blocking=True)
            self._face[: stop - start].copy_(face[start:stop], non_blocking=True)
            # The buffer is overwritten by the next piece.
            pieces.append(self.replay()[: stop - start].clone())
        return (pieces[0] if len(pieces) == 1 else torch.cat(pieces)).permute(0, 3, 1, 2)

    def replay(self) -> Tensor:
        """Run once over what the buffers hold -> [batch, 96, 96, 3], valid until the next call."""
        if self._graph is None or self._out is None:
            return self._fused.run(self._audio, self._face, self._out_dtype)
        self._graph.replay()
        return self._out

    def _capture(self) -> None:
        with torch.cuda.device(self._fused.device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side), torch.no_grad():
                for _ in range(_WARM_UPS):
                    self._fused.run(self._audio, self._face, self._out_dtype)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.no_grad(), torch.cuda.graph(graph):
                self._out = self._fused.run(self._audio, self._face, self._out_dtype)
            self._graph = graph
