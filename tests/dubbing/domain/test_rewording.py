"""Rewording by rules: shorter and longer, and nothing else: what a text says, denies, counts and asks stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain import fidelity
from dubbing.domain.estimate import natural_ms, pace_of
from dubbing.domain.rewording import MOST, variants
from dubbing.domain.rewording_rules import LONGER, SHORTER


@pytest.mark.parametrize(("language", "text", "shorter"), [
    ("en", "Hello, my name is Pablo.", "Hi, I'm Pablo."),
    ("en", "I do not think that you are right.", "I don't think you're right."),
    ("en", "However, we have been able to find it.", "But we've been able to find it."),
    ("en", "Well, thank you very much for coming.", "Thanks for coming."),
    ("en", "We sat close to the sea at this moment.", "We sat near the sea now."),
    ("es", "Yo me llamo Ana y yo vivo aquí.", "Soy Ana y vivo aquí."),
    ("es", "Bueno, tengo que salir en este momento.", "Debo salir ahora."),
    ("es", "Tal vez usted sea el próximo.", "Tal vez sea el próximo."),
    ("it", "Allora, io credo che attualmente piova.", "Credo che ora piova."),
    ("pt", "Eu não sei, mas eu tenho que ir.", "Não sei, mas devo ir."),
    ("de", "Also, ich heiße Anna. Vielen Dank.", "Ich bin Anna. Danke."),
    ("fr", "Eh bien, nous allons manger afin de partir.", "On va manger pour partir."),
])
def test_a_text_can_be_made_shorter(language: str, text: str, shorter: str) -> None:
    assert shorter in [one.text for one in variants(text, language)]


@pytest.mark.parametrize(("language", "text", "longer"), [
    ("en", "Then I make it. I'm sure it's not bad.", "And then I make it. I am sure it is not bad."),
    ("en", "We don't live near the sea, I think he said.", "We do not live close to the sea, I think that he said."),
    ("es", "Soy Pablo. Gracias.", "Yo soy Pablo. Muchas gracias."),
    ("es", "Debo salir ahora.", "Tengo que salir ahora mismo."),
    ("it", "Grazie. Poi vado.", "Molte grazie. E poi vado."),
    ("pt", "Devo ir. Obrigada!", "Tenho que ir. Muito obrigada!"),
    ("de", "Dann gehe ich ins Haus.", "Und dann gehe ich in das Haus."),
    ("fr", "Merci. Puis on va manger.", "Merci beaucoup. Et puis nous allons manger."),
])
def test_a_text_can_be_made_longer(language: str, text: str, longer: str) -> None:
    assert longer in [one.text for one in variants(text, language, longer=True)]


@pytest.mark.parametrize(("language", "text"), [
    ("en", "Yes, it is."), ("en", "I know where he is now."), ("en", "What is it?"), ("en", "I want to thank you."),
    ("en", "He did well, now and then."), ("en", "Man is able."),
    ("es", "Yo también. Yo solo quiero. Yo contigo. Yo primero."), ("es", "Nosotros mismos. Nosotros vamos."),
    ("es", "Para usted es fácil. Usted puede y yo no. Es usted muy amable."),
    ("es", "Yo vivo y tú mueres."), ("es", "No tengo que ir."), ("it", "Io quando posso."),
    ("pt", "Não tenho que ir."), ("de", "Das Haus, in das Peter ging."), ("fr", "Nous nous allons."),
    ("ja", "私は東京に住んでいます。"),
])
def test_what_only_looks_like_it_is_left_alone(language: str, text: str) -> None:
    assert variants(text, language) == []


@pytest.mark.parametrize(("language", "text"), [
    ("en", "Why don't people go?"), ("en", "Isn't it?"), ("en", "It's done. I know you well."), ("en", "Many thanks."),
    ("en", "All the same, until now."), ("es", "Está claro. Hasta ahora."), ("es", "No debo ir. ¿Puedo?"),
    ("es", "Trabajo en equipo."), ("it", "Sono loro."), ("de", "Ab sofort und bis jetzt."), ("fr", "Il vit pour hier."),
])
def test_what_cannot_be_said_longer_is_left_alone(language: str, text: str) -> None:
    assert variants(text, language, longer=True) == []


_WORDS = {
    "en": "I am you are it is not do that think well, however, in order to my name Pablo we have been able thank much "
          "for now. right 25 two never actually he's don't can't near the then because let's? all of soon",
    "es": "yo tú me llamo Ana no tengo que ir debo ahora mismo por supuesto gracias muchas bueno, sin embargo, "
          "nosotros vamos veinte 3 nunca claro. después soy Pablo porque? creo y vivo aunque solamente",
    "de": "ich habe heiße Anna in das Haus also, vielen Dank nicht drei im Moment jetzt. dann wie geht es? "
          "danke",
}


@pytest.mark.parametrize("language", sorted(_WORDS))
@given(data=st.data())
def test_whatever_is_said_no_rule_loses_its_sense(language: str, data: st.DataObject) -> None:
    text = " ".join(data.draw(st.lists(st.sampled_from(_WORDS[language].split()), min_size=1, max_size=12)))
    longer, pace = data.draw(st.booleans()), pace_of(language)
    found = variants(text, language, longer=longer)
    assert len({one.text for one in found} | {text}) == len(found) + 1 <= MOST + 1
    for one in found:
        assert fidelity.numbers(one.text, language) == fidelity.numbers(text, language)
        assert fidelity.denies(one.text, language) == fidelity.denies(text, language)
        assert fidelity.asks(one.text) == fidelity.asks(text)
        assert (natural_ms(one.text, pace) > natural_ms(text, pace)) is longer
        assert natural_ms(one.text, pace) != natural_ms(text, pace)
        assert one.steps >= 1 and one.how and one.text == " ".join(one.text.split())
        # Names stay: what has a capital inside a sentence has it still.
        assert ("Pablo" in text) is ("Pablo" in one.text) and ("Anna" in text) is ("Anna" in one.text)


@pytest.mark.parametrize("rules", [SHORTER, LONGER])
def test_every_rule_is_a_pattern_that_never_matches_nothing(rules: dict[str, tuple[tuple[str, str, str], ...]]) -> None:
    assert sorted(rules) == ["de", "en", "es", "fr", "it", "pt"]
    for language in rules:
        for pattern, replacement, how in rules[language]:
            compiled = re.compile(pattern, re.IGNORECASE)
            assert compiled.match("") is None and how
            assert len(re.findall(r"\\([1-9])", replacement)) <= compiled.groups
