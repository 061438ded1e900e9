import numpy as np
import pytest

from ml.intervals import wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "lower", "upper"),
    [
        # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals_are_met(
    successes: int, trials: int, lower: float, upper: float
) -> None:
    found = wilson_interval([successes], [trials])
    assert (round(float(found[0][0]), 4), round(float(found[1][0]), 4)) == (lower, upper)


def test_an_interval_of_all_successes_mirrors_that_of_none() -> None:
    lower, upper = wilson_interval([0, 20], [20, 20])
    assert lower[1] == pytest.approx(1 - upper[0], abs=1e-15)
    assert (lower[0], upper[1]) == (0.0, 1.0)


def test_without_trials_any_share_is_possible() -> None:
    lower, upper = wilson_interval([0], [0])
    assert (lower[0], upper[0]) == (0.0, 1.0)


def test_nothing_in_gives_nothing_out() -> None:
    lower, upper = wilson_interval([], [])
    assert (lower.shape, upper.shape) == ((0,), (0,))


@pytest.mark.parametrize(("successes", "trials"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="between 0 and the number of trials"):
        wilson_interval([successes], [trials])


def test_the_share_itself_lies_inside_its_interval_for_all_small_counts() -> None:
    trials, successes = np.meshgrid(np.arange(1, 60), np.arange(60))
    possible = successes <= trials
    k, n = successes[possible], trials[possible]
    lower, upper = wilson_interval(k, n)
    share = k / n
    assert np.all(lower <= share)
    assert np.all(share <= upper)
