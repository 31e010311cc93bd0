"""Tables of terms: what was changed in them, and their CSV."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.widgets.row_tables import TableError, from_csv, row_changes, to_csv

COLUMNS = ("word", "spelling", "ipa")
NEEDS = ("word", "spelling|ipa")
SHOWN = [{"id": "a", "word": "Marcos", "spelling": "mar-cos", "ipa": "", "scope": "project"},
         {"id": "b", "word": "Vaya", "spelling": "", "ipa": "baja", "scope": "project"}]


def test_nothing_changed_is_no_change_whatever_an_editor_makes_of_empty_cells() -> None:
    left = [{**SHOWN[0], "ipa": None}, {**SHOWN[1], "spelling": math.nan, "word": " Vaya "}]
    assert not row_changes(SHOWN, left, NEEDS)


def test_edited_new_and_removed_rows_are_told_apart_and_empty_ones_ignored() -> None:
    left = [{**SHOWN[0], "spelling": "MAR-cos"}, {"id": None, "word": "Ana", "spelling": None, "ipa": "ˈana",
                                                 "scope": "project"},
            {"id": None, "word": None, "spelling": None, "ipa": None, "scope": "project"}]
    changes = row_changes(SHOWN, left, NEEDS)
    assert [(row["id"], row["word"], row["spelling"], row["ipa"]) for row in changes.save] == [
        ("a", "Marcos", "MAR-cos", ""), ("", "Ana", "", "ˈana")]
    assert changes.delete == ("b",) and not changes.incomplete and len(changes) == 3


def test_a_row_that_lacks_something_or_says_it_twice_is_named_and_not_deleted() -> None:
    left = [{**SHOWN[0], "spelling": ""}, {**SHOWN[1], "spelling": "baya"}]
    changes = row_changes(SHOWN, left, NEEDS)
    assert changes.incomplete == (1, 2) and not changes.save and not changes.delete


TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="'"), max_size=12).map(str.strip)


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT.filter(bool)), min_size=1, max_size=5))
def test_what_goes_out_as_csv_comes_in_the_same(pairs: list[tuple[str, str]]) -> None:
    rows = [{"word": word, "spelling": spelling, "ipa": ""} for word, spelling in pairs]
    read = from_csv(COLUMNS, NEEDS, to_csv(COLUMNS, rows))
    assert [(row["word"], row["spelling"]) for row in read] == pairs


def test_a_spreadsheet_is_never_handed_a_formula() -> None:
    assert b"'=1+1" in to_csv(("word",), [{"word": "=1+1"}])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_and_the_order_of_columns_do_not_matter(separator: str) -> None:
    text = separator.join(("IPA", "more", " Word ")) + "\n" + separator.join(("baja", "x", "Vaya")) + "\n\n"
    assert from_csv(COLUMNS, NEEDS, text.encode()) == [{"id": "", "word": "Vaya", "spelling": "", "ipa": "baja"}]


@pytest.mark.parametrize(("data", "reason", "line"), [
    (b"\xff\xfe\x00", "encoding", 0), (b"spelling\nx\n", "columns", 1), (b"word,ipa\n", "empty", 0),
    (b"word,ipa\na,b\nc,\n", "incomplete", 3),
])
def test_what_is_wrong_with_a_file_is_said_with_its_line(data: bytes, reason: str, line: int) -> None:
    with pytest.raises(TableError) as caught:
        from_csv(COLUMNS, NEEDS, data)
    assert (caught.value.reason, caught.value.line) == (reason, line)
