"""Local times as instants, exact where clocks are put forward or back. Pure."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
# A week, one more day for a date that a zone skipped, and the day of the start itself.
_DAYS_AHEAD = 16


@lru_cache(maxsize=1024)
def find_zone(name: str | None) -> ZoneInfo | None:
    """The IANA zone of this name; None when there is no such zone."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        # What zoneinfo raises for an unknown, malformed or path-like name.
        return None


@lru_cache(maxsize=8192)
def instant_of(day: date, at: time, zone: tzinfo) -> datetime | None:
    """The UTC instant at which the clocks of `zone` first show `at` (whole seconds) on `day`.

    A time that is shown twice is the first of the two; one that is skipped is the first instant
    after the gap. None when the zone has no such day (it moved across the date line).
    """
    local = datetime.combine(day, at)
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local:
        return first
    # In a gap fold=1 reads the clock as it will go, so that the change lies between the two.
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first - before >= _DAY:
        return None
    old_offset = before.astimezone(zone).utcoffset()
    low, high = 0, int((first - before) / _SECOND)
    while low < high:
        middle = (low + high) // 2
        if (before + middle * _SECOND).astimezone(zone).utcoffset() == old_offset:
            low = middle + 1
        else:
            high = middle
    return before + low * _SECOND


def next_local_time(
    reference: datetime, at: time, weekdays: Collection[int], zone: tzinfo, *, is_inclusive: bool
) -> datetime:
    """The first instant from `reference` on (after it, unless inclusive) at `at` on a weekday.

    `weekdays` are ISO (1 is Monday) and not empty; the answer is in UTC.
    """
    day = reference.astimezone(zone).date()
    for _ in range(_DAYS_AHEAD):
        if day.isoweekday() in weekdays:
            found = instant_of(day, at, zone)
            if found is not None and (found > reference or (is_inclusive and found == reference)):
                return found
        day += _DAY
    message = f"no {at} on weekdays {sorted(weekdays)} after {reference}"
    raise ValueError(message)
