"""The language model's translator against a server on this machine that misbehaves on purpose."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dubbing import registry
from dubbing.config import load_settings
from dubbing.domain.translation import Brief, Budget, TermRule
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate.openai_chat import OpenAITranslator
from dubbing.errors import UnavailableError
from tests.dubbing.engines.translate import openai_server
from tests.dubbing.engines.translate.openai_server import (
    KNOWN,
    Server,
    answer,
    completion,
    failing,
    lines_of,
    material_of,
    saying,
    serving,
)

ES_EN = Brief("es", "en")
TEXTS = list(KNOWN)[:4]
KEY = "sk-very-secret"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def engine(server: Server, pauses: list[float]) -> Iterator[OpenAITranslator]:
    made = OpenAITranslator(server.url, "tiny", KEY, sleep=pauses.append)
    yield made
    made.release()


def ask(text: str, **more: Any) -> TranslationRequest:
    return TranslationRequest(text, 2000, **{"wanted": 2, **more})


def firsts(engine: OpenAITranslator, texts: list[str]) -> list[str | None]:
    return [own[0].text if own else None for own in engine.candidates([ask(text) for text in texts], ES_EN)]


WANTED = [KNOWN[text][0] for text in TEXTS]


def test_lines_are_asked_together_with_all_that_is_known(engine: OpenAITranslator, server: Server) -> None:
    brief = Brief("es", "en", style="warm, British", forbidden=(("loaf", "bread"),))
    requests = [
        ask(TEXTS[0], speaker="Ana", before=("Ya empezamos.",), budget=Budget(3, 8, 1500, 1700)),
        ask(TEXTS[2], speaker="Luis", after=("Es verdad.",), terms=(TermRule("pan", "bread", "never loaf"),),
            examples=(("Mi abuelo", "My grandfather"),), sound_16k=np.zeros(16000, np.float32)),
    ]
    found = engine.candidates(requests, brief)
    assert [[each.text for each in own] for own in found] == [
        ["Good morning, everybody.", "Morning, all."], [*KNOWN[TEXTS[2]]]], "one of Ana's is too long"
    assert all(each.engine == "openai" and 0 < each.meaning < 1 for own in found for each in own)
    question, = server.questions
    material = material_of(question)
    assert material["before"] == ["Ya empezamos."] and material["after"] == ["Es verdad."]
    assert material["style"] == "warm, British" and material["forbidden"] == [{"word": "loaf", "instead": "bread"}]
    assert material["approved"] == [{"source": "Mi abuelo", "target": "My grandfather"}]
    assert material["lines"][0] == {"id": "1", "speaker": "Ana", "original": TEXTS[0],
                                    "syllables": {"min": 3, "max": 8}}
    assert material["lines"][1]["terms"] == [{"source": "pan", "target": "bread", "note": "never loaf"}]
    assert question["model"] == "tiny" and question["response_format"]["type"] == "json_schema"
    assert "from Spanish (es) into English (en)" in question["messages"][0]["content"]


def test_a_second_run_asks_nothing(engine: OpenAITranslator, server: Server) -> None:
    assert firsts(engine, TEXTS) == firsts(engine, TEXTS) == WANTED
    assert len(server.questions) == 1


def test_many_lines_go_in_batches(engine: OpenAITranslator, server: Server) -> None:
    seen: list[tuple[float, float]] = []
    requests = [ask(f"{TEXTS[0]} {number}") for number in range(30)]
    found = engine.candidates(requests, ES_EN, lambda done, total, _message: seen.append((done, total)))
    assert all(found) and [len(lines_of(q)) for q in server.questions] == [12, 12, 6]
    assert seen == [(0, 30), (12, 30), (24, 30), (30, 30)]


@pytest.mark.parametrize("form", [
    lambda lines: f"Sure! Here you are:\n```json\n{answer(lines)}\n```\nAnything else?",
    lambda lines: f"<think>First {{\"lines\": [{{\"id\": \"1\", \"texts\": [\"no\"]}}]}}</think>{answer(lines)}",
    lambda lines: json.dumps([{"id": int(line["id"]), "text": KNOWN[line["original"]][0]} for line in lines]),
    lambda lines: json.dumps({line["id"]: KNOWN[line["original"]] for line in lines}),
    lambda lines: json.dumps({"result": {"lines": [{"id": line["id"], "translations": [
        {"text": text} for text in KNOWN[line["original"]]]} for line in lines]}}),
    lambda lines: json.dumps({"lines": [{"id": line["id"], "texts": [f"  “{KNOWN[line['original']][0]}”\n"]}
                                        for line in lines]}),
], ids=["prose", "thoughts", "list", "by id", "nested", "quoted"])
def test_json_is_found_in_whatever_stands_around_it(engine: OpenAITranslator, server: Server, form: Any) -> None:
    server.behave = [lambda question: form(lines_of(question))]
    assert firsts(engine, TEXTS) == WANTED and len(server.questions) == 1


def test_dropped_lines_alone_are_asked_again(engine: OpenAITranslator, server: Server) -> None:
    server.behave = [lambda question: answer(lines_of(question)[::2])]
    assert firsts(engine, TEXTS) == WANTED
    assert [[line["original"] for line in lines_of(q)] for q in server.questions] == [TEXTS, TEXTS[1::2]]


def test_an_answer_that_was_cut_off_keeps_its_whole_lines(engine: OpenAITranslator, server: Server) -> None:
    server.behave = [lambda question: completion(answer(lines_of(question))[:-75], "length")]
    assert firsts(engine, TEXTS) == WANTED
    assert [line["original"] for line in lines_of(server.questions[1])] == TEXTS[3:]


@pytest.mark.parametrize("text", ["{\"lines\": [{\"id\": \"1\", \"te", "no json at all", "", "[1, 2, null]", "[[[[[",
                                  "{\"lines\": \"none\"}", "[" * 100_000])
def test_broken_json_is_asked_again(engine: OpenAITranslator, server: Server, text: str) -> None:
    server.behave = [saying(text)]
    assert firsts(engine, TEXTS) == WANTED


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{\"choices\": []}", b"{\"choices\": [{\"message\": 3}]}"])
def test_a_reply_without_the_protocols_form_is_asked_again(engine: OpenAITranslator, server: Server,
                                                           body: bytes) -> None:
    server.behave = [lambda _question: (200, {}, body)]
    assert firsts(engine, TEXTS) == WANTED


def test_wrong_ids_and_invented_lines_are_left_out(engine: OpenAITranslator, server: Server) -> None:
    def confused(question: dict[str, Any]) -> str:
        lines = lines_of(question)
        return answer([*lines[:2], {"id": "99", "original": "x"}, {"id": "u3", "original": "y"}])

    server.behave = [confused]
    assert firsts(engine, TEXTS) == WANTED


def test_a_line_that_is_refused_costs_that_line_alone(engine: OpenAITranslator, server: Server) -> None:
    """The whole batch is refused for it, by the model, by a filter or by a 400: it is found by halving."""
    for refusal in (completion(None, "stop", refusal="I can't help with that."), completion("", "content_filter"),
                    completion("I'm sorry, but I can't assist with that."),
                    (400, {}, {"error": {"message": "content management policy", "code": "content_filter"}})):
        engine._answers.clear()
        server.always = lambda question, refusal=refusal: refusal if any(
            line["original"] == TEXTS[1] for line in lines_of(question)) else answer(lines_of(question))
        assert firsts(engine, TEXTS) == [WANTED[0], None, *WANTED[2:]]


def test_a_refusal_in_a_lines_text_is_no_translation(engine: OpenAITranslator, server: Server) -> None:
    server.always = lambda question: json.dumps({"lines": [
        {"id": line["id"], "texts": ["I'm sorry, but I can't translate this."] if line["original"] == TEXTS[0]
         else KNOWN[line["original"]]} for line in lines_of(question)]})
    assert firsts(engine, TEXTS) == [None, *WANTED[1:]]
    server.always = lambda question: json.dumps({"lines": [{"id": "1", "texts": ["I'm sorry, I can't come."]}]})
    assert firsts(engine, ["Lo siento, no puedo ir."]) == ["I'm sorry, I can't come."], "people do say so"


@pytest.mark.parametrize(("wrong", "complaint"), [
    (TEXTS[2], "is the original"),
    ("Meine Großmutter macht das beste Brot, und wir sind alle da.", "not in the language en"),
    ("Моя бабушка печёт лучший хлеб.", "not in the language en"),
    ("Mi abuelita hace el mejor pan y nosotros lo comemos.", "not in the language en"),
    ("My grandmother makes the best bread. " * 9, "much more"),
    ("…", "nothing to say"),
    ("My grandmother [laughs] makes the best bread.", "brackets"),
])
def test_bad_texts_are_asked_again_with_the_complaint(engine: OpenAITranslator, server: Server, wrong: str,
                                                      complaint: str) -> None:
    server.behave = [lambda question: json.dumps({"lines": [{"id": "1", "texts": [wrong]}]})]
    assert firsts(engine, [TEXTS[2]]) == [WANTED[2]]
    rejected, = lines_of(server.questions[1])[0]["rejected"]
    assert complaint in rejected["why"] and rejected["text"] == wrong.strip()


def test_bad_texts_time_and_again_leave_the_line_empty(engine: OpenAITranslator, server: Server) -> None:
    server.always = lambda question: json.dumps({"lines": [
        {"id": line["id"], "texts": [line["original"]]} for line in lines_of(question)]})
    assert firsts(engine, [TEXTS[2], "Zenobia"]) == [None, "Zenobia"], "a name may stay as it is"
    assert len(server.questions) == 3


def test_marks_must_come_back(engine: OpenAITranslator, server: Server) -> None:
    server.behave = [saying(json.dumps({"lines": [{"id": "1", "texts": ["Good morning, Xaaq."]}]}))]
    server.always = saying(json.dumps({"lines": [{"id": "1", "texts": ["[risas] Good morning, Xaaq."]}]}))
    assert firsts(engine, ["[risas] Buenos días, Xaaq."]) == ["[risas] Good morning, Xaaq."]


def test_missed_wishes_are_asked_once_more_and_kept_for_want_of_better(engine: OpenAITranslator,
                                                                       server: Server) -> None:
    brief = Brief("es", "en", forbidden=(("grandma", ""),))
    request = ask(TEXTS[2], terms=(TermRule("pan", "loaf"),))
    server.always = saying(json.dumps({"lines": [{"id": "1", "texts": KNOWN[TEXTS[2]]}]}))
    found, = engine.candidates([request], brief)
    assert [each.text for each in found] == KNOWN[TEXTS[2]] and len(server.questions) == 2
    whys = [each["why"] for each in lines_of(server.questions[1])[0]["rejected"]]
    assert "“loaf”" in whys[0] and "must not say “grandma”" in whys[1]


def test_texts_are_rewritten_within_the_budget(engine: OpenAITranslator, server: Server) -> None:
    request = ask(TEXTS[0], budget=Budget(3, 4, 800, 900))
    server.behave = [saying(json.dumps({"lines": [{"id": "1", "texts": ["Good morning, everybody here.",
                                                                       "Morning, all."]}]}))]
    found = engine.rewrite([(request, "Good morning, everybody."), (ask(TEXTS[1]), "Where are they?")], ES_EN)
    assert [[each.text for each in own] for own in found] == [["Morning, all."], []], "no budget, nothing to do"
    line = lines_of(server.questions[0])[0]
    assert line["text"] == "Good morning, everybody." and line["syllables"]["now"] > 4
    assert found[0][0].how == "rewritten"


def test_a_busy_server_is_waited_for(engine: OpenAITranslator, server: Server, pauses: list[float]) -> None:
    server.behave = [failing(429, Retry_After="7"), failing(500), failing(503, Retry_After="Thu, 01 Jan 2015 00:00:00 "
                                                                                          "GMT")]
    assert firsts(engine, TEXTS) == WANTED
    assert pauses == [7.0, 2.0, 0.0]


def test_a_server_that_stays_busy_is_told_as_gone(engine: OpenAITranslator, server: Server,
                                                  pauses: list[float]) -> None:
    server.always = failing(429, Retry_After="100000")
    with pytest.raises(UnavailableError, match="answers with 429"):
        firsts(engine, TEXTS)
    assert len(pauses) == 4 and max(pauses) <= 60


def test_a_break_in_a_long_job_costs_only_what_was_not_answered(engine: OpenAITranslator, server: Server) -> None:
    requests = [ask(f"{TEXTS[0]} {number}") for number in range(24)]
    server.behave = [openai_server.good]
    server.always = failing(500)
    with pytest.raises(UnavailableError):
        engine.candidates(requests, ES_EN)
    server.always = openai_server.good
    asked = len(server.questions)
    assert all(engine.candidates(requests, ES_EN)) and len(server.questions) == asked + 1


def test_a_slow_server_is_given_up(server: Server) -> None:
    from dubbing.engines.translate.chat_client import ChatClient

    client = ChatClient(server.url, "tiny", answer_s=0.05, sleep=lambda _seconds: None)
    server.always = openai_server.slow(0.3)
    with pytest.raises(UnavailableError, match="too long"):
        client.ask([{"role": "user", "content": "{\"lines\": []}"}], {})
    client.close()


@pytest.mark.parametrize(("refused", "forms"), [
    (("json_schema",), ["json_schema", "json_object"]),
    (("json_schema", "json_object"), ["json_schema", "json_object", None]),
])
def test_a_server_without_structured_answers_is_asked_without(engine: OpenAITranslator, server: Server,
                                                              refused: tuple[str, ...], forms: list[str]) -> None:
    def plain(question: dict[str, Any]) -> Any:
        form = question.get("response_format", {}).get("type")
        return failing(400, f"response_format {form} is not supported")(question) if form in refused \
            else openai_server.good(question)

    server.always = plain
    assert firsts(engine, TEXTS) == WANTED
    assert [q.get("response_format", {}).get("type") for q in server.questions] == forms
    firsts(engine, [f"{TEXTS[0]} 2"])
    assert len(server.questions) == len(forms) + 1, "it is remembered"


def test_a_model_with_a_temperature_of_its_own(engine: OpenAITranslator, server: Server) -> None:
    server.always = lambda question: failing(400, "temperature must be 1")(question) if "temperature" in question \
        else openai_server.good(question)
    assert firsts(engine, TEXTS) == WANTED and "response_format" in server.questions[-1]


@pytest.mark.parametrize(("status", "words"), [(401, "refuses the key"), (403, "refuses the key"),
                                               (404, "no model tiny"), (301, "answers with 301")])
def test_what_no_other_question_would_change_is_one_sentence(engine: OpenAITranslator, server: Server, status: int,
                                                             words: str) -> None:
    server.always = failing(status, f"Incorrect API key: {KEY}", Location="http://127.0.0.1:9/elsewhere")
    with pytest.raises(UnavailableError, match=words) as caught:
        firsts(engine, TEXTS)
    assert KEY not in str(caught.value) and len(server.questions) == 1


def test_the_key_is_a_header_and_nothing_else(engine: OpenAITranslator, server: Server,
                                              caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        firsts(engine, TEXTS)
    assert server.keys == [f"Bearer {KEY}"] and KEY not in json.dumps(server.questions)
    assert KEY not in caplog.text and KEY not in repr(engine) + engine.version + engine.licence


def test_nothing_is_contacted_unless_an_address_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                       server: Server) -> None:
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"DUBBING_OPENAI_{name}", raising=False)
    monkeypatch.setenv("DUBBING_SETTINGS_FILE", str(tmp_path / "none.toml"))
    load_settings.cache_clear()
    try:
        engine = OpenAITranslator()
        assert "DUBBING_OPENAI_URL" in (engine.why_unavailable() or "") and not engine.supports("es", "en")
        assert engine.on_request_only
        assert not any("openai" in note for note in registry.why_not_better("translate", "fake"))
        assert "DUBBING_OPENAI_MODEL" in (OpenAITranslator(server.url).why_unavailable() or "")
        assert "no web address" in (OpenAITranslator("localhost:9", "m").why_unavailable() or "")
        with_all = OpenAITranslator(server.url, "m")
        assert with_all.why_unavailable() is None and server.url in with_all.licence and not server.questions
        assert with_all.supports("es", "en") and not with_all.supports("es-MX", "es")
        monkeypatch.setenv("DUBBING_OFFLINE", "1")
        load_settings.cache_clear()
        assert "not on this machine" in (OpenAITranslator("https://api.example.org/v1", "m").why_unavailable() or "")
        assert OpenAITranslator(server.url, "m").why_unavailable() is None, "this machine is no network"
        assert OpenAITranslator("http://me:pass@127.0.0.1:1/v1", "m").licence.endswith("sent to http://127.0.0.1:1/v1")
    finally:
        load_settings.cache_clear()
    assert "openai" in registry.names("translate")


def test_a_server_that_is_not_there(pauses: list[float]) -> None:
    with serving() as gone:
        pass
    engine = OpenAITranslator(gone.url, "tiny", sleep=pauses.append)
    assert "Nothing answers" in (engine.why_unavailable() or "")
    with pytest.raises(UnavailableError, match="nothing answers there"):
        engine.candidates([ask(TEXTS[0])], ES_EN)
    engine.release()
