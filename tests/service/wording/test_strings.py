"""How languages write numbers and dates: Babel against what is written by hand here."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from service.wording.strings import Strings

VI, EN = (Strings.in_language(code) for code in ("vi", "en"))
MONTHS = "January February March April May June July August September October November December".split()


@given(st.integers(-(10**12), 10**12))
def test_digits_are_grouped_by_three(number):
    assert EN.number(number) == f"{number:,}"
    assert VI.number(number) == f"{number:,}".replace(",", ".")


@given(st.floats(-1e6, 1e6))
def test_decimals_are_those_of_python(number):
    assert EN.decimal(number) == f"{number:.3f}"
    assert VI.decimal(number) == f"{number:.3f}".replace(".", ",")


@given(st.dates())
def test_days(day):
    assert VI.day(day) == f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
    assert EN.day(day) == f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def test_days_by_hand():
    assert (VI.day(date(2026, 2, 3)), EN.day(date(2026, 2, 3))) == ("03/02/2026", "3 February 2026")
