"""A SentencePiece vocabulary trained on a few sentences, for the tiny translators."""

from __future__ import annotations

from pathlib import Path

SENTENCES = ("hola amigo", "el perro duerme", "la casa es grande", "hello friend", "the dog sleeps",
             "the house is big", "buenos dias a todos", "good morning everyone", "gracias por venir",
             "thank you for coming")


def train(folder: Path, name: str, **options: object) -> list[str]:
    """Write ``name``.model; returns its pieces in order."""
    import sentencepiece

    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(SENTENCES * 20))
    sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=str(folder / name), vocab_size=60,
                                             hard_vocab_limit=False, minloglevel=2, **options)
    corpus.unlink()
    (folder / f"{name}.vocab").unlink()
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.model"))
    return [processor.id_to_piece(index) for index in range(processor.get_piece_size())]


def words(pieces: list[str]) -> list[str]:
    """The pieces that are no control symbols."""
    return [piece for piece in pieces if not piece.startswith("<")]
