import pytest
from slow_part import left_out, numbers


def test_each_slow_test_is_of_one_part():
    tests = list(range(27))
    parts = [set(tests) - set(left_out(tests, f"{k}/8")) for k in range(1, 9)]
    assert sorted(test for part in parts for test in part) == tests
    assert {len(part) for part in parts} == {3, 4}


def test_any_day_has_a_part():
    assert [numbers(f"{day}/8") for day in ("001", "008", "009", "366")] == [(1, 8), (8, 8), (1, 8), (6, 8)]


@pytest.mark.parametrize("text", ["3", "3/", "/8", "3/0", "-1/8", "a/b"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(pytest.UsageError, match="K/N"):
        numbers(text)
