import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.project.records import ClassRecord
from gui.label_keys import NO_CLASS, class_for_key, key_of


def classes(names) -> tuple[ClassRecord, ...]:
    return tuple(ClassRecord(100 + at, name, "#e69f00") for at, name in enumerate(names))


@pytest.mark.parametrize("digit", range(10))
def test_classes_named_by_digits_have_their_own_key(digit):
    made = classes("9876543210")
    assert made[class_for_key(made, digit)].name == str(digit)


def test_elsewhere_keys_count_from_one_and_zero_takes_away():
    made = classes(["cat", "dog"])
    assert [class_for_key(made, digit) for digit in range(4)] == [NO_CLASS, 0, 1, None]


def test_zero_takes_away_where_no_class_is_called_zero():
    assert class_for_key(classes("123"), 0) == NO_CLASS
    assert class_for_key(classes("123"), 7) is None


@given(st.lists(st.text(min_size=1, max_size=3), unique=True, max_size=12))
def test_the_key_shown_is_the_key_that_works(names):
    made = classes(names)
    for at in (NO_CLASS, *range(len(made))):
        key = key_of(made, at)
        assert not key or class_for_key(made, int(key)) == at
