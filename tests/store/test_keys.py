from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitserve.errors import NotFoundError, SpecError, UserError
from fitserve.store.keys import check_label, find_key, hash_key, key_prefix, make_key
from fitserve.store.records import KeyRecord


def test_a_key_has_256_random_bits_and_stands_in_a_url() -> None:
    keys = {make_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch(r"fs_[A-Za-z0-9_-]{43}", key) for key in keys)


def test_the_hash_is_sha256_and_the_prefix_eight_characters() -> None:
    assert hash_key("fs_abc") == hashlib.sha256(b"fs_abc").hexdigest()
    assert key_prefix("fs_abcdefgh") == "fs_abcde"


@given(st.text())
def test_whatever_is_given_as_a_key_has_a_hash_of_its_own(text: str) -> None:
    assert hash_key(text) == hash_key(text) != hash_key("fs_" + text)
    assert re.fullmatch("[0-9a-f]{64}", hash_key(text + "\ud800"))


@pytest.mark.parametrize("label", ["", " ", "a ", "\n", "a\nb", "x" * 65, "fs_AAAAAAAA", "\ud800"])
def test_a_label_is_a_printable_line(label: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_label(label)
    assert "AAAA" not in str(caught.value)
    check_label("the laptop of 陈")


def test_a_key_is_found_by_label_or_prefix() -> None:
    keys = [KeyRecord(f"k{number}", "fs_same0" if number else "fs_other", "", "") for number in range(3)]
    assert find_key(keys, "k2").label == "k2"
    assert find_key(keys, "fs_other").label == "k0"
    with pytest.raises(UserError, match="2 keys begin with"):
        find_key(keys, "fs_same0")
    with pytest.raises(NotFoundError, match="the keys are k0, k1, k2"):
        find_key(keys, "k9")
    with pytest.raises(NotFoundError, match="there is none yet"):
        find_key([], "k9")


def test_a_whole_key_given_by_mistake_is_not_repeated() -> None:
    key = make_key()
    with pytest.raises(NotFoundError) as caught:
        find_key([], key)
    assert key not in str(caught.value)
