"""chrF++ and BLEU of every text translator that runs here, against the references of bench/texts.

Run from the repository's root:  python -m scripts.translation_bench [--from en --to pt] [--engine bergamot] [--show]

Engines that listen instead of reading are measured by scripts.text_bench, through the whole pipeline. The best of the
candidates that an engine gives ("oracle") is what a perfect choice among them would reach.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from dubbing import registry
from dubbing.domain.translation import Brief
from dubbing.engines.base import TranslationRequest

TEXTS = Path(__file__).parents[1] / "bench" / "texts"
_WANTED = 6


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--from", dest="source", default="")
    parser.add_argument("--to", dest="target", default="")
    parser.add_argument("--engine", default="")
    parser.add_argument("--show", action="store_true", help="print every line")
    options = parser.parse_args(arguments)
    lines = [line for path in sorted(TEXTS.glob("*.toml")) for line in tomllib.loads(path.read_text())["line"]]
    languages = sorted({code for line in lines for code in line})
    for source, target in permutations(languages, 2):
        if (options.source or source, options.target or target) != (source, target):
            continue
        for name in registry.names("translate"):
            engine = registry.create("translate", name)
            if options.engine not in ("", name) or engine.is_fake or engine.needs_sound \
                    or engine.why_unavailable() or not engine.supports(source, target):
                continue
            pairs = [(line[source], line[target]) for line in lines if source in line and target in line]
            if pairs:
                measure(engine, pairs, Brief(source, target), show=options.show)


def measure(engine: object, pairs: Sequence[tuple[str, str]], brief: Brief, *, show: bool) -> None:
    """Print one row: engine, pair, lines, figures, seconds a line."""
    import sacrebleu

    began = time.monotonic()
    found = engine.candidates([TranslationRequest(text, 3000, wanted=_WANTED) for text, _ in pairs], brief)  # type: ignore
    seconds = (time.monotonic() - began) / len(pairs)
    references = [reference for _text, reference in pairs]
    first = [own[0].text if own else "" for own in found]
    best = [max((each.text for each in own), default="",
                key=lambda text, reference=reference: sacrebleu.sentence_chrf(text, [reference], word_order=2).score)
            for own, reference in zip(found, references, strict=True)]
    scores = [sacrebleu.corpus_chrf(texts, [references], word_order=2).score for texts in (first, best)]
    bleu = sacrebleu.corpus_bleu(first, [references]).score
    print(f"{engine.id:13} {brief.source}-{brief.target}  {len(pairs):3} lines  chrF++ {scores[0]:5.1f}  "  # type: ignore
          f"BLEU {bleu:5.1f}  oracle of {_WANTED} chrF++ {scores[1]:5.1f}  {seconds:.2f} s a line", flush=True)
    if show:
        for (text, reference), own in zip(pairs, found, strict=True):
            print(f"  {text}\n    = {reference}")
            for each in own:
                print(f"    {each.meaning:.2f} {each.text}  ({each.how})")
        print()


if __name__ == "__main__":
    main()
