"""What is allowed, asked by row and by rows, against the mask that it stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ranking.allowed import AllowedRows

PUBLIC = np.array([True, True, False, True, True, True])
EVEN = np.array([True, False, True, False, True, False])


def test_what_is_public_is_allowed():
    allowed = AllowedRows(PUBLIC)
    assert np.asarray(allowed).tolist() == PUBLIC.tolist()
    assert [bool(allowed[row]) for row in range(6)] == PUBLIC.tolist()


def test_by_hand():
    allowed = AllowedRows(PUBLIC)
    allowed.keep(EVEN.__getitem__)
    allowed.leave_out([4])
    assert np.asarray(allowed).tolist() == [True, False, False, False, False, False]
    assert allowed[np.array([4, 0, 2])].tolist() == [False, True, False]
    assert np.count_nonzero(allowed) == 1


def test_what_is_public_stays_as_it_is():
    public = PUBLIC.copy()
    allowed = AllowedRows(public)
    allowed.keep(EVEN.__getitem__)
    allowed.leave_out([0])
    np.asarray(allowed)[:] = True
    assert allowed[np.arange(6)].tolist() == [False, False, False, False, True, False]
    assert public.tolist() == PUBLIC.tolist()


def test_one_more_test_is_for_those_alone():
    allowed = AllowedRows(PUBLIC)
    fewer = allowed.also(EVEN.__getitem__)
    fewer.leave_out([0])
    assert np.asarray(fewer).tolist() == [False, False, False, False, True, False]
    assert np.asarray(allowed).tolist() == PUBLIC.tolist()


def test_only_the_rows_that_are_looked_at_are_tested():
    asked = []
    allowed = AllowedRows(PUBLIC)
    allowed.keep(lambda rows: asked.append(rows) or EVEN[rows])
    allowed[np.array([1, 4])]
    assert [rows.tolist() for rows in asked] == [[1, 4]]


@pytest.mark.parametrize("left_out", [0, 1, 8, 9, 30])
@given(data=st.data())
def test_it_says_what_the_mask_would(left_out, data):
    count = 40
    masks = st.lists(st.booleans(), min_size=count, max_size=count).map(np.array)
    rows = st.integers(0, count - 1)
    public, tests = data.draw(masks), data.draw(st.lists(masks, max_size=3))
    out = data.draw(st.lists(rows, min_size=left_out, max_size=left_out))
    allowed, mask = AllowedRows(public), public.copy()
    for test in tests:
        allowed.keep(test.__getitem__)
        mask &= test
    allowed.leave_out(out)
    mask[out] = False
    asked = np.array(data.draw(st.lists(rows, max_size=12)), dtype=np.int64)
    assert np.asarray(allowed).tolist() == mask.tolist()
    assert allowed[asked].tolist() == mask[asked].tolist()
    assert [bool(allowed[int(row)]) for row in asked] == mask[asked].tolist()
