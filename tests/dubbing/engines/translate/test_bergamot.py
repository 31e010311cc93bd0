"""The small models of browsers: Marian's binary form, the model against the same in plain numpy, the engine."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from dubbing.domain.translation import Brief, TermRule
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate.bergamot import BergamotTranslator
from dubbing.errors import UnavailableError
from dubbing.weights.store import Store
from tests.tiny import student as tiny

Array = np.ndarray


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Array]:
    """A folder of the user's own models with one pair; its tensors."""
    tensors = tiny.build(tmp_path / "models" / "esen")
    monkeypatch.setenv("DUBBING_MODEL_BERGAMOT", str(tmp_path / "models"))
    return tensors


@pytest.fixture
def engine(tmp_path: Path, own: dict[str, Array], monkeypatch: pytest.MonkeyPatch) -> BergamotTranslator:
    from dubbing.engines.translate import seq2seq

    monkeypatch.setattr(seq2seq, "_LONGEST", 14)  # a model that knows nothing never comes to an end
    return BergamotTranslator("cpu", Store(tmp_path / "cache", offline=True))


def ask(text: str, wanted: int = 1, **more: object) -> TranslationRequest:
    return TranslationRequest(text, 2000, wanted=wanted, **more)  # type: ignore[arg-type]


def reference(tensors: dict[str, Array], source: list[int], said: list[int]) -> Array:
    """Logits after ``said`` tokens, written as the papers have it: no batches, no state."""
    def norm(x: Array, name: str) -> Array:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-9)
        return x * tensors[f"{name}_ln_scale"] + tensors[f"{name}_ln_bias"]

    def attend(x: Array, memory: Array, name: str) -> Array:
        q, k, v = (y @ tensors[f"{name}_W{c}"] + tensors[f"{name}_b{c}"] for y, c in ((x, "q"), (memory, "k"),
                                                                                     (memory, "v")))
        size = tiny.WIDTH // tiny.HEADS
        heads = []
        for head in range(tiny.HEADS):
            part = slice(head * size, (head + 1) * size)
            scores = q[:, part] @ k[:, part].T / np.sqrt(size)
            share = np.exp(scores - scores.max(-1, keepdims=True))
            heads.append(share / share.sum(-1, keepdims=True) @ v[:, part])
        return norm(x + np.concatenate(heads, -1) @ tensors[f"{name}_Wo"] + tensors[f"{name}_bo"], f"{name}_Wo")

    def feed(x: Array, name: str) -> Array:
        inner = np.maximum(x @ tensors[f"{name}_ffn_W1"] + tensors[f"{name}_ffn_b1"], 0)
        return norm(x + inner @ tensors[f"{name}_ffn_W2"] + tensors[f"{name}_ffn_b2"], f"{name}_ffn_ffn")

    def positions(length: int) -> Array:
        rates = np.exp(-np.log(10000) / (tiny.WIDTH // 2 - 1) * np.arange(tiny.WIDTH // 2))
        angles = np.arange(length)[:, None] * rates
        return np.concatenate([np.sin(angles), np.cos(angles)], -1)

    words, scale = tensors["Wemb"], np.sqrt(tiny.WIDTH)
    x = words[source] * scale + positions(len(source))
    for layer in (1, 2):
        x = feed(attend(x, x, f"encoder_l{layer}_self"), f"encoder_l{layer}")
    before = np.concatenate([np.zeros((1, tiny.WIDTH)), words[said]]) * scale
    y = before + positions(len(before))
    for name in ("decoder_l1", "decoder_l2"):
        forget = 1 / (1 + np.exp(-(y @ tensors[f"{name}_rnn_Wf"] + tensors[f"{name}_rnn_bf"])))
        fresh, cell, cells = y @ tensors[f"{name}_rnn_W"], np.zeros(tiny.WIDTH), []
        for step in range(len(y)):
            cell = forget[step] * cell + (1 - forget[step]) * fresh[step]
            cells.append(cell)
        y = norm(y + np.maximum(np.array(cells), 0), f"{name}_rnn_ffn")
        y = feed(attend(y, x, f"{name}_context"), name)
    return y @ words.T + tensors["decoder_ff_logit_out_b"]


def test_the_file_is_read_to_the_last_digit_that_it_has(tmp_path: Path, own: dict[str, Array]) -> None:
    from dubbing.engines.translate.student import read_marian

    read = read_marian(next((tmp_path / "models" / "esen").glob("*.bin")))
    assert read.keys() == own.keys()
    for name, array in own.items():
        step = np.abs(array).max() / 127 if name == "Wemb" or "_W" in name and "_ln_" not in name else 0
        assert read[name].shape == array.shape
        assert np.abs(read[name] - array).max() <= 0.5001 * step, name


def test_the_model_computes_what_the_papers_say(tmp_path: Path, own: dict[str, Array]) -> None:
    """Whole sentences at once, padded in a batch, and token by token with the state that is kept."""
    import torch

    from dubbing.engines.translate.student import load_student, read_marian

    path = next((tmp_path / "models" / "esen").glob("*.bin"))
    tensors, model = read_marian(path), load_student(path)
    pad, source, said = model.config.pad_token_id, [5, 9, 12, 7, 0], [3, 8, 8, 20]
    wanted = reference(tensors, source, said)
    batch = {"input_ids": torch.tensor([[*source, pad, pad], [4, 4, 4, 4, 4, 4, 0]]),
             "attention_mask": torch.tensor([[1] * 5 + [0] * 2, [1] * 7])}
    given = torch.tensor([[pad, *said], [pad, 6, 6, 6, 6]])
    with torch.inference_mode():
        at_once = model(**batch, decoder_input_ids=given).logits[0, :, :-1]
        state, steps = None, []
        for token in given.T:
            out = model(**batch, decoder_input_ids=token[:, None], past_key_values=state)
            state = out.past_key_values
            steps.append(out.logits[0, 0, :-1])
    assert np.allclose(at_once.numpy(), wanted, atol=1e-3)
    assert np.allclose(torch.stack(steps).numpy(), wanted, atol=1e-3)


def test_beam_search_finds_the_likeliest(tmp_path: Path, own: dict[str, Array]) -> None:
    """Two tokens and an end: every sequence can be tried."""
    import torch

    from dubbing.engines.translate.student import load_student

    model = load_student(next((tmp_path / "models" / "esen").glob("*.bin")))
    pad, words = model.config.pad_token_id, model.config.vocab_size - 1
    batch = {"input_ids": torch.tensor([[5, 9, 0]]), "attention_mask": torch.ones(1, 3, dtype=torch.long)}
    with torch.inference_mode():
        pairs = torch.tensor(list(itertools.product(range(2, words), repeat=2)))
        rows = len(pairs)
        wide = {name: part.repeat(rows, 1) for name, part in batch.items()}
        given = torch.cat([torch.full((rows, 1), pad), pairs], dim=1)
        logs = model(**wide, decoder_input_ids=given).logits.log_softmax(-1)
        totals = logs[:, :2].gather(-1, pairs[:, :, None]).sum((1, 2))
        best = pairs[totals.argmax()].tolist()
        found = model.generate(**batch, num_beams=words, do_sample=False, min_new_tokens=2, max_new_tokens=2,
                               length_penalty=0.0)
    assert found[0, 1:3].tolist() == best


def test_own_models_translate(engine: BergamotTranslator) -> None:
    assert engine.why_unavailable() is None
    assert engine.supports("es", "en") and engine.supports("es-MX", "en-GB") and not engine.supports("en", "es")
    brief = Brief("es", "en", forbidden=(("perro", ""),))
    found = engine.candidates([ask("hola amigo", 4), ask(" "), ask("el perro. la casa", 4, terms=(
        TermRule("casa", "dog"),))], brief)
    assert found[0] and not found[1] and found[2]
    assert all(one.engine == "bergamot" and "perro" not in one.text.split() for own in found for one in own)
    assert engine.translate(ask("hola amigo"), "es", "en") == found[0][0].text
    with pytest.raises(UnavailableError, match="en to es"):
        engine.translate(ask("hello"), "en", "es")
    engine.release()


def test_a_line_that_must_be_sure_and_is_not_has_none(engine: BergamotTranslator) -> None:
    brief = Brief("es", "en")
    doubtful, = engine.candidates([ask("hola amigo")], brief)
    assert doubtful[0].meaning < 0.4, "random weights know nothing"
    assert engine.candidates([ask("hola amigo", must_be_sure=True)], brief) == [()]


@pytest.mark.parametrize("damage", [
    lambda data: data[:5000], lambda data: b"", lambda data: b"\x02" + data[1:],
    lambda data: data.replace(b"decoder_l1_rnn_Wf\0", b"decoder_l1_rnn_Wx\0"),
    lambda data: data[:16] + b"\xff" * 64 + data[80:],
])
def test_a_damaged_model_is_one_sentence(tmp_path: Path, engine: BergamotTranslator, damage: object) -> None:
    assert callable(damage)
    path = next((tmp_path / "models" / "esen").glob("*.bin"))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UnavailableError, match="esen cannot be used"):
        engine.translate(ask("hola"), "es", "en")


def test_without_models_and_network_it_says_so(tmp_path: Path) -> None:
    engine = BergamotTranslator(store=Store(tmp_path, offline=True))
    assert "bergamot-en-pt" in (engine.why_unavailable() or "") and not engine.supports("en", "pt")


@pytest.mark.real
def test_the_models_that_come_with_the_product_translate() -> None:
    engine = BergamotTranslator("cpu")
    if engine.why_unavailable() is not None:
        pytest.skip("the models cannot be fetched here")
    brief = Brief("en", "pt", forbidden=(("trem", ""),))
    house, train = engine.candidates([ask("Where did you put the keys?", 3), ask("The train is late again today.", 3)],
                                     brief)
    assert house[0].text == "Onde você colocou as chaves?" and house[0].meaning > 0.7
    assert train[0].text and "trem" not in train[0].text, "another word is found"
    assert engine.translate(ask("A minha avó ensinou-me a fazer pão quando eu era criança."), "pt-BR", "en") == \
        "My grandmother taught me to make bread when I was a child."
    engine.release()
