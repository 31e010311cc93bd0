"""How many names are recognized with and without the glossary: ``python -m scripts.names_bench``.

Sentences with real and invented names, and others that sound like names which nobody says, spoken by the synthetic
voices that are native to no language here (their accent makes names hard), and written down by the recognizer twice.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import resample_poly

from dubbing import registry
from dubbing.engines.base import Sound

#: By language: sentences with the names in them; without any where only sound-alikes are said.
SENTENCES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "en": (
        ("We asked Siobhan Kowalczyk to come to the lab on Monday.", ("Siobhan Kowalczyk",)),
        ("The Zorvex engine was built by Tavish Okonkwo in Reykjavik.", ("Zorvex", "Tavish Okonkwo", "Reykjavik")),
        ("Nobody believed Captain Ysolde Thrane when she returned.", ("Ysolde Thrane",)),
        ("Kubernetes and Terraform run on the Axiovera cluster.", ("Kubernetes", "Terraform", "Axiovera")),
        ("Mister Pendleton drove to Llandrindod with his daughter.", ("Pendleton", "Llandrindod")),
        ("Xiomara and Caoimhe will present the Quorlith report.", ("Xiomara", "Caoimhe", "Quorlith")),
        ("It rained all night, and the bus was late again.", ()),
        ("I think the weather is better in the spring.", ()),
        ("They will assault the train at dawn.", ()),
        ("She bought a marble table and an open search began.", ()),
        ("The pendulum of the old clock stopped at noon.", ()),
        ("In better weather we could have walked home.", ()),
        ("A call in the morning would be nice.", ()),
        ("The thorough report was on the desk.", ()),
    ),
    "es": (
        ("Mañana llega Xochitl Etxeberria a la oficina de Bilbao.", ("Xochitl Etxeberria",)),
        ("El doctor Ibarguren trabaja con la empresa Novatrex.", ("Ibarguren", "Novatrex")),
        ("Leocadia y Gumersindo viven cerca de Orduña.", ("Leocadia", "Gumersindo", "Orduña")),
        ("Instalamos Kubernetes en el servidor de Zentrum Labs.", ("Kubernetes", "Zentrum Labs")),
        ("Hoy no tengo ganas de salir a la calle.", ()),
        ("La fábrica cierra a las ocho de la tarde.", ()),
        ("Le oí cantar en la plaza del centro.", ()),
    ),
}
#: Names of the glossary that nobody says, each like something that is said.
UNSAID = {"en": ("Marbella", "Thorgrim Eld", "OpenSearch", "Bellweather", "Quentin Call"),
          "es": ("Ibáñez Fabra", "Leonora", "Plazenta", "Ocharán", "Salirna")}
_EDGE = 8000


def spoken(text: str, language: str, voice: str) -> Sound:
    """The sentence at 16 kHz with half a second of silence around it."""
    said = registry.create("tts", "kokoro").synthesize(text, language, voice)
    return np.pad(resample_poly(said.sound, 16000, said.sample_rate), _EDGE).astype(np.float32)


def main() -> None:
    recognizer = registry.choose("asr")
    for language, sentences in SENTENCES.items():
        voices = [voice.id for voice in registry.create("tts", "kokoro").voices(language)]
        names = [*(name for _, said in sentences for name in said), *UNSAID[language]]
        right, wrong, changed = [0, 0], [0, 0], 0
        for number, (text, said) in enumerate(sentences):
            sound, heard = spoken(text, language, voices[number % len(voices)]), []
            for given, told in enumerate(((), names)):
                words = recognizer.transcribe(sound, language=language, names=told).words
                heard.append(" ".join(word.text for word in words))
                right[given] += sum(name in heard[given] for name in said)
                wrong[given] += sum(name in heard[given] for name in names if name not in said)
            changed += not said and heard[0] != heard[1]
            if heard[0] != heard[1]:
                print(f"  {heard[0]} -> {heard[1]}")
        print(f"{language}: {sum(len(said) for _, said in sentences)} names, {right[0]} right without the glossary, "
              f"{right[1]} with it; names that nobody said: {wrong[0]} and {wrong[1]}; sentences without names that "
              f"changed: {changed}")


if __name__ == "__main__":
    main()
