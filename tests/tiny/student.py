"""A student of Firefox Translations' build in Marian's binary form: 8-bit matrices, turned, each with its factor."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from tests.tiny.vocabulary import train

WIDTH, INNER, HEADS = 32, 48, 8
_FLOAT, _INT8, _TEXT = 0x404, 0x4101, 0x101


def build(folder: Path, pair: str = "esen", seed: int = 0) -> dict[str, np.ndarray]:
    """Write ``model.*.bin`` and ``vocab.*.spm``; returns the tensors as they were before they lost digits."""
    folder.mkdir(parents=True)
    pieces = train(folder, "vocab", bos_id=-1, eos_id=0, unk_id=1)
    (folder / "vocab.model").rename(folder / f"vocab.{pair}.spm")
    tensors = weights(len(pieces), np.random.default_rng(seed))
    write(folder / f"model.{pair}.intgemm.alphas.bin", tensors)
    return tensors


def weights(words: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Random tensors under Marian's names: two encoder layers, two decoder layers."""
    shapes: dict[str, tuple[int, int]] = {"Wemb": (words, WIDTH), "decoder_ff_logit_out_b": (1, words)}

    def attention(name: str) -> None:
        for letter in "qkvo":
            shapes[f"{name}_W{letter}"], shapes[f"{name}_b{letter}"] = (WIDTH, WIDTH), (1, WIDTH)
        norm(f"{name}_Wo")

    def norm(name: str) -> None:
        shapes[f"{name}_ln_scale"] = shapes[f"{name}_ln_bias"] = (1, WIDTH)

    def feed(name: str) -> None:
        shapes[f"{name}_ffn_W1"], shapes[f"{name}_ffn_b1"] = (WIDTH, INNER), (1, INNER)
        shapes[f"{name}_ffn_W2"], shapes[f"{name}_ffn_b2"] = (INNER, WIDTH), (1, WIDTH)
        norm(f"{name}_ffn_ffn")

    for layer in (1, 2):
        attention(f"encoder_l{layer}_self")
        feed(f"encoder_l{layer}")
        name = f"decoder_l{layer}"
        shapes |= {f"{name}_rnn_W": (WIDTH, WIDTH), f"{name}_rnn_Wf": (WIDTH, WIDTH), f"{name}_rnn_bf": (1, WIDTH)}
        norm(f"{name}_rnn_ffn")
        attention(f"{name}_context")
        feed(name)
    made = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    return {name: array + 1 if name.endswith("_ln_scale") else array for name, array in made.items()}


def write(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Marian's version 1: numbers of items, their heads, names, shapes, and padded data."""
    items = [_item(name, array) for name, array in tensors.items()]
    items.append(("special:model.yml", _TEXT, (16,), b"dec-cell: ssru\n\0"))
    items = [(name, kind, shape, data.ljust(-(-len(data) // 256) * 256, b"\0")) for name, kind, shape, data in items]
    out = struct.pack("<QQ", 1, len(items))
    out += b"".join(struct.pack("<QQQQ", len(name) + 1, kind, len(shape), len(data))
                    for name, kind, shape, data in items)
    out += b"".join(name.encode() + b"\0" for name, *_others in items)
    out += b"".join(struct.pack(f"<{len(shape)}i", *shape) for _name, _kind, shape, _data in items)
    gap = -(len(out) + 8) % 256
    path.write_bytes(out + struct.pack("<Q", gap) + b"\0" * gap + b"".join(data for *_others, data in items))


def _item(name: str, array: np.ndarray) -> tuple[str, int, tuple[int, ...], bytes]:
    is_matrix = name == "Wemb" or "_W" in name and "_ln_" not in name
    if not is_matrix:
        return name, _FLOAT, array.shape, array.tobytes()
    factor = np.float32(127 / np.abs(array).max())
    numbers = np.rint(array * factor).astype(np.int8)
    stored = numbers if name == "Wemb" else numbers.T
    return name, _INT8, array.shape, np.ascontiguousarray(stored).tobytes() + factor.tobytes()
