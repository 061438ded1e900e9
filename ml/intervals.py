"""Confidence intervals of observed shares."""

import numpy as np
import numpy.typing as npt

Z_95 = 1.959963984540054
"""Two-sided 95 % of the standard normal distribution."""


def wilson_interval(
    successes: npt.ArrayLike, trials: npt.ArrayLike, z: float = Z_95
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lower and upper ends of Wilson's score interval of a share, without continuity correction.

    Arrays of counts of equal shape in, two arrays of that shape out, in 0..1. Nothing is known
    without trials: the ends are then 0 and 1. Raises ValueError when a count is negative or there
    are more successes than trials.

    Wilson (1927), J. Am. Stat. Assoc. 22:209; method 3 of Newcombe (1998), Stat. Med. 17:857.
    """
    k = np.asarray(successes, dtype=np.float64)
    n = np.asarray(trials, dtype=np.float64)
    if np.any(k < 0) or np.any(k > n):
        raise ValueError("successes must lie between 0 and the number of trials")
    squared = z * z
    denominator = 2.0 * (n + squared)
    centre = (2.0 * k + squared) / denominator
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = z * np.sqrt(squared + 4.0 * k * (n - k) / n) / denominator
    spread = np.where(n > 0, spread, 0.5)
    centre = np.where(n > 0, centre, 0.5)
    # At the edges the ends are exact; rounding would leave a trace there.
    lower = np.where(k == 0, 0.0, centre - spread)
    upper = np.where(k == n, 1.0, centre + spread)
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)
