"""When two encoders' vectors may be compared, and when one may be reused for the other."""

from __future__ import annotations

import dataclasses

import pytest

from models.encoder import EncoderIdentity

IDENTITY = EncoderIdentity("e5", "abc", 384, "query: ", "passage: ", 512, "q4", "int8-vnni")
OTHERS = {
    "name": "e6",
    "revision": "abd",
    "dim": 385,
    "query_prompt": "query:",
    "document_prompt": "",
    "max_tokens": 511,
    "weights": "fp32",
}


def test_equal_identities_are_compatible():
    same = dataclasses.replace(IDENTITY)
    assert same == IDENTITY
    assert hash(same) == hash(IDENTITY)
    assert IDENTITY.compatible(same)


def test_another_precision_is_comparable_but_not_equal():
    fp32 = dataclasses.replace(IDENTITY, precision="fp32")
    assert IDENTITY.compatible(fp32)
    assert fp32.compatible(IDENTITY)
    assert fp32 != IDENTITY  # so that no vector is reused across the two


@pytest.mark.parametrize(("field", "value"), OTHERS.items())
def test_any_other_difference_is_another_space(field, value):
    other = dataclasses.replace(IDENTITY, **{field: value})
    assert other != IDENTITY
    assert not IDENTITY.compatible(other)
    assert not other.compatible(IDENTITY)


def test_every_field_is_covered_here():
    assert {field.name for field in dataclasses.fields(EncoderIdentity)} == {*OTHERS, "precision"}


def test_an_identity_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        IDENTITY.dim = 3


def test_an_identity_survives_the_manifest():
    assert EncoderIdentity(**dataclasses.asdict(IDENTITY)) == IDENTITY
