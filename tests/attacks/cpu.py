"""What an attack costs: CPU time of this process, which a busy machine hardly stretches."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LIMIT_SECONDS = 0.050
RUNS = 5


async def least_cpu(attack: Callable[[int], Awaitable[T]], runs: int = RUNS) -> tuple[float, T]:
    """The least that one of several runs took, in seconds, and the last one's answer.

    The least, since what else goes on in the process can only add to it.
    """
    spent = []
    for number in range(runs):
        before = time.process_time()
        answer = await attack(number)
        spent.append(time.process_time() - before)
    return min(spent), answer
