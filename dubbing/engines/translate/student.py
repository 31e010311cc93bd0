"""The small translation models that browsers carry (Bergamot, Firefox Translations), read from Marian's binary form.

They are students of large models: an encoder of six Transformer layers and a decoder of two with SSRU cells instead of
self-attention (Kim et al., "From Research to Production and Back: Ludicrously Fast Neural Machine Translation", WNGT
2019; Bogoychev et al., "Edinburgh's Submissions to the 2020 Machine Translation Efficiency Task"). Their weights are
8-bit integers with one factor a matrix; here they are floats again, and the model is one of transformers', so that
beams, batches and devices are those of every other translator.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BatchEncoding, GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

_FLOAT, _INT8, _TEXT = 0x404, 0x4101, 0x101
_EPSILON = 1e-9
_END, _UNKNOWN = 0, 1


class UnreadableModel(ValueError):
    """A file that is no model of this kind."""


def read_marian(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a Marian binary file by name, 8-bit ones as floats. Raises UnreadableModel."""
    data = path.read_bytes()
    try:
        version, count = struct.unpack_from("<QQ", data, 0)
        if version != 1 or count > 100_000:
            raise UnreadableModel(f"{path.name} is no Marian model of version 1.")
        heads = [struct.unpack_from("<QQQQ", data, 16 + 32 * index) for index in range(count)]
        place = 16 + 32 * count
        names, shapes = [], []
        for length, *_others in heads:
            names.append(data[place:place + length - 1].decode())
            place += length
        for _length, _kind, axes, _bytes in heads:
            shapes.append(struct.unpack_from(f"<{axes}i", data, place))
            place += 4 * axes
        place += 8 + struct.unpack_from("<Q", data, place)[0]
        tensors = {}
        for name, shape, (_length, kind, _axes, size) in zip(names, shapes, heads, strict=True):
            if kind != _TEXT and not name.endswith("_QuantMultA"):
                tensors[name] = _tensor(name, kind, shape, data[place:place + size])
            place += size
    except (struct.error, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise UnreadableModel(f"{path.name} is damaged or no Marian model: {error}") from error
    return tensors


def _tensor(name: str, kind: int, shape: Sequence[int], data: bytes) -> np.ndarray:
    """[rows, columns]; an 8-bit matrix is stored turned (but for the embeddings), its factor after its numbers."""
    size = math.prod(shape)
    if kind == _FLOAT:
        return np.frombuffer(data, np.float32, size).reshape(shape)
    if kind != _INT8:
        raise UnreadableModel(f"{name} has numbers of the unknown kind {kind:#x}.")
    numbers = np.frombuffer(data, np.int8, size).astype(np.float32)
    numbers /= np.frombuffer(data, np.float32, 1, offset=size)[0]
    return numbers.reshape(shape) if name == "Wemb" else numbers.reshape(shape[::-1]).T


class StudentConfig(PretrainedConfig):
    model_type = "marian-student"

    def __init__(self, vocab_size: int = 0, d_model: int = 0, heads: int = 8, encoder_layers: int = 0,
                 decoder_layers: int = 0, ffn: int = 0, **more: Any) -> None:
        super().__init__(is_encoder_decoder=True, **more)
        self.vocab_size, self.d_model, self.heads, self.ffn = vocab_size, d_model, heads, ffn
        self.encoder_layers, self.decoder_layers = encoder_layers, decoder_layers
        self.num_hidden_layers = decoder_layers


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.norm = nn.LayerNorm(width, _EPSILON)

    def keys(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self._split(self.k(memory)), self._split(self.v(memory))

    def forward(self, x: Tensor, keys: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        """x [batch, length, width] with itself added, normed; mask [batch, 1, 1, keys], True where there is a key."""
        found = nn.functional.scaled_dot_product_attention(self._split(self.q(x)), *keys, attn_mask=mask)
        return self.norm(x + self.o(found.transpose(1, 2).flatten(2)))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class _FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.rise, self.fall = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width, _EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x + self.fall(torch.relu(self.rise(x))))


class _Ssru(nn.Module):
    """The simpler simple recurrent unit: c = f c' + (1 - f) W x, with f = sigmoid(Wf x + b); what comes out is its
    positive part."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.w, self.f = nn.Linear(width, width, bias=False), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, _EPSILON)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, length, width], state [batch, width]; back come the same, after the last of the length."""
        forget, fresh, found = torch.sigmoid(self.f(x)), self.w(x), []
        for step in range(x.shape[1]):
            state = forget[:, step] * state + (1 - forget[:, step]) * fresh[:, step]
            found.append(state)
        return self.norm(x + torch.relu(torch.stack(found, dim=1))), state


class _Encoder(nn.Module):
    main_input_name = "input_ids"

    def __init__(self, config: StudentConfig, embed: nn.Embedding) -> None:
        super().__init__()
        self.embed = embed
        self.layers = nn.ModuleList(nn.ModuleList([_Attention(config.d_model, config.heads),
                                                   _FeedForward(config.d_model, config.ffn)])
                                    for _ in range(config.encoder_layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_more: Any) -> BaseModelOutput:
        x = _embedded(self.embed, input_ids, 0)
        mask = attention_mask[:, None, None, :].bool()
        for attention, feed in self.layers:
            x = feed(attention(x, attention.keys(x), mask))
        return BaseModelOutput(last_hidden_state=x)


class StudentModel(PreTrainedModel, GenerationMixin):
    """``forward`` and ``generate`` as transformers' other translators have them. The state that is kept from token to
    token is (cell, keys, values) a layer, and the number of tokens so far."""

    config_class = StudentConfig
    main_input_name = "input_ids"
    _supports_sdpa = True

    def __init__(self, config: StudentConfig) -> None:
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = _Encoder(config, self.embed)
        self.layers = nn.ModuleList(nn.ModuleList([_Ssru(config.d_model), _Attention(config.d_model, config.heads),
                                                   _FeedForward(config.d_model, config.ffn)])
                                    for _ in range(config.decoder_layers))
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def get_encoder(self) -> nn.Module:
        return self.encoder

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None,
                decoder_input_ids: Tensor | None = None, encoder_outputs: Any = None, past_key_values: Any = None,
                **_more: Any) -> Seq2SeqLMOutput:
        assert attention_mask is not None and decoder_input_ids is not None
        if encoder_outputs is None:
            encoder_outputs = self.encoder(input_ids, attention_mask)
        memory, mask = encoder_outputs[0], attention_mask[:, None, None, :].bool()
        if past_key_values is None:
            cell = memory.new_zeros(len(memory), self.config.d_model)
            past_key_values = (0, tuple((cell, *attention.keys(memory)) for _ssru, attention, _feed in self.layers))
        said, layers = past_key_values
        x = _embedded(self.embed, decoder_input_ids, said)
        after = []
        for (ssru, attention, feed), (cell, keys, values) in zip(self.layers, layers, strict=True):
            x, cell = ssru(x, cell)
            x = feed(attention(x, (keys, values), mask))
            after.append((cell, keys, values))
        return Seq2SeqLMOutput(logits=x @ self.embed.weight.T + self.bias,
                               past_key_values=(said + decoder_input_ids.shape[1], tuple(after)))

    def prepare_inputs_for_generation(self, input_ids: Tensor, past_key_values: Any = None, attention_mask: Any = None,
                                      encoder_outputs: Any = None, **_more: Any) -> dict[str, Any]:
        return {"decoder_input_ids": input_ids if past_key_values is None else input_ids[:, -1:],
                "past_key_values": past_key_values, "attention_mask": attention_mask,
                "encoder_outputs": encoder_outputs}

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False

    def _reorder_cache(self, past: Any, beams: Tensor) -> Any:
        return past[0], tuple(tuple(part.index_select(0, beams) for part in layer) for layer in past[1])


def _embedded(embed: nn.Embedding, ids: Tensor, said: int) -> Tensor:
    """[batch, length, width]: embeddings, and positions from ``said`` on as Marian's sines, then cosines."""
    half = embed.embedding_dim // 2
    rates = torch.exp(torch.arange(half, device=ids.device) * (-math.log(10000.0) / (half - 1)))
    angles = torch.arange(said, said + ids.shape[1], device=ids.device)[:, None] * rates
    return embed(ids) * math.sqrt(embed.embedding_dim) + torch.cat([angles.sin(), angles.cos()], dim=1)


def load_student(path: Path) -> StudentModel:
    """The model of a Marian file. Raises UnreadableModel where it has another build.

    It gets one token more than it had: what pads batches, and begins every translation. Marian begins with nothing,
    which is a token of zeros that is never said.
    """
    tensors = read_marian(path)
    try:
        words, width = tensors["Wemb"].shape
        encoders = sum(name.endswith("_self_Wq") and name.startswith("encoder_l") for name in tensors)
        decoders = sum(name.endswith("_rnn_Wf") for name in tensors)
        config = StudentConfig(words + 1, width, 8, encoders, decoders, tensors["encoder_l1_ffn_W1"].shape[1],
                               pad_token_id=words, eos_token_id=_END, decoder_start_token_id=words)
        model = StudentModel(config)
        model.load_state_dict(_state(tensors, encoders, decoders))
    except (KeyError, RuntimeError, ValueError) as error:
        raise UnreadableModel(f"{path.name} has another build than the small models that are known: {error}") from error
    model.generation_config = GenerationConfig(pad_token_id=words, eos_token_id=_END, decoder_start_token_id=words,
                                               bad_words_ids=[[_UNKNOWN]])
    return model.eval()


def _state(tensors: Mapping[str, np.ndarray], encoders: int, decoders: int) -> dict[str, Tensor]:
    """Marian's names and turned matrices as the modules above have them."""
    state: dict[str, Tensor] = {}

    def linear(to: str, weight: str, bias: str | None = None) -> None:
        state[f"{to}.weight"] = torch.from_numpy(np.ascontiguousarray(tensors[weight].T))
        if bias is not None:
            state[f"{to}.bias"] = torch.from_numpy(tensors[bias].reshape(-1).copy())

    def norm(to: str, name: str) -> None:
        for ours, theirs in (("weight", "scale"), ("bias", "bias")):
            state[f"{to}.norm.{ours}"] = torch.from_numpy(tensors[f"{name}_ln_{theirs}"].reshape(-1).copy())

    def attention(to: str, name: str) -> None:
        for letter in "qkvo":
            linear(f"{to}.{letter}", f"{name}_W{letter}", f"{name}_b{letter}")
        norm(to, f"{name}_Wo")

    def feed(to: str, name: str) -> None:
        linear(f"{to}.rise", f"{name}_ffn_W1", f"{name}_ffn_b1")
        linear(f"{to}.fall", f"{name}_ffn_W2", f"{name}_ffn_b2")
        norm(to, f"{name}_ffn_ffn")

    for layer in range(encoders):
        attention(f"encoder.layers.{layer}.0", f"encoder_l{layer + 1}_self")
        feed(f"encoder.layers.{layer}.1", f"encoder_l{layer + 1}")
    for layer in range(decoders):
        name = f"decoder_l{layer + 1}"
        linear(f"layers.{layer}.0.w", f"{name}_rnn_W")
        linear(f"layers.{layer}.0.f", f"{name}_rnn_Wf", f"{name}_rnn_bf")
        norm(f"layers.{layer}.0", f"{name}_rnn_ffn")
        attention(f"layers.{layer}.1", f"{name}_context")
        feed(f"layers.{layer}.2", name)
    embeddings = np.concatenate([tensors["Wemb"], np.zeros((1, tensors["Wemb"].shape[1]), np.float32)])
    state["embed.weight"] = state["encoder.embed.weight"] = torch.from_numpy(embeddings)
    bias = tensors["decoder_ff_logit_out_b"].reshape(-1)
    state["bias"] = torch.from_numpy(np.append(bias, np.float32(-1e4)).astype(np.float32))
    return state


class StudentTokenizer:
    """A SentencePiece vocabulary in the words that transformers' tokenizers use."""

    unk_token_id = _UNKNOWN

    def __init__(self, path: Path) -> None:
        import sentencepiece

        self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self._pad = self._pieces.get_piece_size()
        self.all_special_ids = [_END, _UNKNOWN, self._pad]

    def __call__(self, text: str = "", *, text_target: str | None = None, add_special_tokens: bool = True,
                 truncation: bool = False, max_length: int = 0) -> dict[str, list[int]]:
        ids = self._pieces.encode(text if text_target is None else text_target)
        ids = ids[:max_length - 1] if truncation else ids
        return {"input_ids": [*ids, _END] if add_special_tokens else ids}

    def pad(self, encoded: Mapping[str, Sequence[Sequence[int]]], return_tensors: str = "pt") -> BatchEncoding:
        rows = encoded["input_ids"]
        longest = max(map(len, rows))
        return BatchEncoding({"input_ids": [[*row, *[self._pad] * (longest - len(row))] for row in rows],
                              "attention_mask": [[1] * len(row) + [0] * (longest - len(row)) for row in rows]},
                             tensor_type=return_tensors)

    def batch_decode(self, rows: Tensor, skip_special_tokens: bool = True) -> list[str]:
        return [self._pieces.decode([token for token in row if token not in (_END, _UNKNOWN, self._pad)])
                for row in rows.tolist()]
