"""Names of the glossary: taken where they are heard, left alone where they are not."""

from __future__ import annotations

from dubbing.engines.asr.names import clean, likeness, merged, merged_characters, snapped
from dubbing.engines.asr.timing import TimedText

NAMES = ("Siobhan Kowalczyk", "Zorvex", "Ysolde Thrane", "OpenSearch", "Duke of York")


def timed(text: str, doubtful: str = "") -> list[TimedText]:
    """Words of half a second each; those of ``doubtful`` have little confidence."""
    words = text.split()
    return [TimedText(word, index * 0.5, index * 0.5 + 0.5, 0.3 if word in doubtful.split() else 0.95)
            for index, word in enumerate(words)]


def texts(words: list[TimedText]) -> str:
    return " ".join(word.text.strip() for word in words)


def test_likeness_is_of_sound_and_not_of_letters() -> None:
    assert likeness("Jon", "John") == likeness("Martín", "Martin") == 1.0
    assert likeness("open search", "OpenSearch") == 1.0
    assert likeness("Landrindad", "Llandrindod") > 0.9 > likeness("weather", "Bellweather")
    assert likeness("in the spring", "Siobhan Kowalczyk") < 0.3
    assert likeness("", "Zorvex") == likeness("…", "Zorvex") == 0.0


def test_a_name_heard_with_the_glossary_takes_the_place_of_what_was_doubted() -> None:
    heard = timed("We asked Shivon Kaulksik to come.", "Shivon Kaulksik")
    assert merged(heard, "We asked Siobhan Kowalczyk to come.", NAMES) == "We asked Siobhan Kowalczyk to come."


def test_an_article_before_a_name_stays() -> None:
    assert merged(timed("The Zorrovex engine runs.", "The Zorrovex"), "Zorvex engine runs.", NAMES) \
        == "The Zorvex engine runs."


def test_what_is_no_name_stays_as_it_was_heard_without() -> None:
    """The other hearing may change the style of everything; only names are taken from it."""
    heard = timed("it rained all night and the bus was late", "rained bus")
    assert merged(heard, "It ruined all night and the boss was late.", NAMES) is None


def test_a_name_that_does_not_sound_like_what_was_heard_was_made_up() -> None:
    assert merged(timed("I live in the spring.", "spring."), "I live in the Siobhan Kowalczyk.", NAMES) is None


def test_words_that_whisper_is_sure_of_stay() -> None:
    assert merged(timed("an open search began"), "an OpenSearch began", NAMES) is None
    assert merged(timed("an open search began", "search"), "an OpenSearch began", NAMES) == "an OpenSearch began"


def test_scripts_without_blanks_are_compared_by_character() -> None:
    assert merged_characters("今日は田仲さんが来ます", "今日は田中さんが来ます", ["田中"]) == "今日は田中さんが来ます"
    assert merged_characters("今日は雨です", "今日は飴です", ["田中"]) is None


def test_a_doubtful_word_that_sounds_like_a_name_is_that_name() -> None:
    words = snapped(timed("“Zorvecks's engine stopped.", "“Zorvecks's"), NAMES)
    assert texts(words) == "“Zorvex's engine stopped."
    assert (words[0].start, words[0].end) == (0.0, 0.5)
    assert texts(snapped(timed("Zorvecks stopped."), NAMES)) == "Zorvecks stopped.", "Whisper was sure"


def test_a_name_of_other_length_shares_the_time_of_what_was_heard() -> None:
    split = snapped(timed("Captain Isoldethrane returned.", "Isoldethrane"), NAMES)
    assert texts(split) == "Captain Ysolde Thrane returned."
    assert split[1].start == 0.5 and split[1].end == split[2].start and split[2].end == 1.0
    joined = snapped(timed("an opun surch began", "opun surch"), NAMES)
    assert texts(joined) == "an OpenSearch began" and (joined[1].start, joined[1].end) == (0.5, 1.5)


def test_neighbours_are_not_swallowed_and_small_words_are_no_names() -> None:
    words = timed("We asked Siobhan Kowalczyk to come", "asked Siobhan Kowalczyk")
    assert texts(snapped(words, NAMES)) == "We asked Siobhan Kowalczyk to come"
    assert texts(snapped(timed("of the yard", "of the yard"), NAMES)) == "of the yard"


def test_what_is_asked_for_is_kept_within_bounds() -> None:
    assert clean(["  Ana  Ruiz ", "Ana Ruiz", "", "x" * 61]) == ("Ana Ruiz",)
    assert len(clean([f"Name{index}" for index in range(200)])) == 64
