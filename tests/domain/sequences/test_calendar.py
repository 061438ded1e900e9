from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.sequences.calendar import find_zone, instant_of, next_local_time

EVERY_DAY = frozenset(range(1, 8))
ZONES = sorted(zone for zone in available_timezones() if find_zone(zone) is not None)
BERLIN = ZoneInfo("Europe/Berlin")


def test_local_time_is_the_instant_that_the_clocks_show_it() -> None:
    assert instant_of(date(2026, 7, 1), time(9), BERLIN) == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert instant_of(date(2026, 1, 1), time(9), BERLIN) == datetime(2026, 1, 1, 8, tzinfo=UTC)


def test_skipped_time_is_the_first_instant_after_the_gap() -> None:
    # On 29 March 2026 the clocks of Berlin go from 02:00 to 03:00 at 01:00 UTC.
    for skipped in (time(2), time(2, 30), time(2, 59, 59)):
        found = instant_of(date(2026, 3, 29), skipped, BERLIN)
        assert found == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_repeated_time_is_its_first_occurrence() -> None:
    # On 25 October 2026 the clocks of Berlin go from 03:00 back to 02:00 at 01:00 UTC.
    found = instant_of(date(2026, 10, 25), time(2, 30), BERLIN)
    assert found == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_gap_of_half_an_hour_is_found_exactly() -> None:
    # Lord Howe moves by thirty minutes: 02:00 becomes 02:30 on 4 October 2026 at 15:30 UTC.
    found = instant_of(date(2026, 10, 4), time(2, 10), ZoneInfo("Australia/Lord_Howe"))
    assert found == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)


def test_day_that_a_zone_skipped_has_no_times() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert instant_of(date(2011, 12, 30), time(9), apia) is None
    found = next_local_time(
        datetime(2011, 12, 29, 20, tzinfo=UTC), time(9), EVERY_DAY, apia, is_inclusive=False
    )
    assert found.astimezone(apia) == datetime(2011, 12, 31, 9, tzinfo=apia)


def test_next_weekday_is_taken_in_the_zone_and_not_in_utc() -> None:
    auckland = ZoneInfo("Pacific/Auckland")
    sunday_evening_in_utc = datetime(2026, 6, 7, 20, tzinfo=UTC)
    found = next_local_time(
        sunday_evening_in_utc, time(9), frozenset({1}), auckland, is_inclusive=False
    )
    assert found == datetime(2026, 6, 7, 21, tzinfo=UTC)


def test_exact_moment_counts_only_when_inclusive() -> None:
    moment = datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert next_local_time(moment, time(9), EVERY_DAY, BERLIN, is_inclusive=True) == moment
    after = next_local_time(moment, time(9), EVERY_DAY, BERLIN, is_inclusive=False)
    assert after == moment + timedelta(days=1)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "\0", "Europe/", None])
def test_unknown_zone_is_none(name: str | None) -> None:
    assert find_zone(name) is None


@settings(max_examples=400, deadline=None)
@given(
    zone_name=st.sampled_from(ZONES),
    seconds=st.integers(0, 2**31 - 1),
    at=st.times().map(lambda found: found.replace(microsecond=0)),
    weekdays=st.frozensets(st.integers(1, 7), min_size=1),
    is_inclusive=st.booleans(),
)
def test_answer_is_the_earliest_that_fits(
    zone_name: str, seconds: int, at: time, weekdays: frozenset[int], is_inclusive: bool
) -> None:
    zone = ZoneInfo(zone_name)
    reference = datetime.fromtimestamp(seconds, UTC)
    found = next_local_time(reference, at, weekdays, zone, is_inclusive=is_inclusive)
    local = found.astimezone(zone)

    assert found >= reference
    assert is_inclusive or found != reference
    if local.time() == at:
        assert local.isoweekday() in weekdays
    else:
        # Only a gap may move it: a second earlier the clocks had not reached the wanted time.
        before = (found - timedelta(seconds=1)).astimezone(zone)
        assert before.isoweekday() in weekdays
        assert before.time() < at
        assert local.replace(tzinfo=None) > datetime.combine(before.date(), at)
    # No earlier day, by looking at every minute until then, shows the wanted time on a weekday.
    minute = reference + (timedelta() if is_inclusive else timedelta(seconds=1))
    minute += timedelta(seconds=(at.second - minute.astimezone(zone).second) % 60)
    while minute < found - timedelta(minutes=61):
        shown = minute.astimezone(zone)
        if shown.isoweekday() in weekdays and shown.time() == at:
            # What is shown here must have been shown before: the second of a repeated hour.
            assert shown.fold == 1
        minute += timedelta(minutes=1)


def changes_of_clocks(zone: ZoneInfo) -> list[datetime]:
    """Every instant of 2023 to 2028, to the second, from which the zone has another offset."""
    found = []
    day = datetime(2023, 1, 1, tzinfo=UTC)
    while day.year < 2029:
        low, high = 0, 24 * 3600
        if (day + timedelta(days=1)).astimezone(zone).utcoffset() != (
            offset := day.astimezone(zone).utcoffset()
        ):
            while low < high:
                middle = (low + high) // 2
                if (day + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
                    low = middle + 1
                else:
                    high = middle
            found.append(day + timedelta(seconds=low))
        day += timedelta(days=1)
    return found


def test_every_change_of_clocks_in_every_zone_is_exact() -> None:
    second = timedelta(seconds=1)
    wrong = []
    for name in ZONES:
        zone = ZoneInfo(name)
        for change in changes_of_clocks(zone):
            last_before = (change - second).astimezone(zone).replace(tzinfo=None)
            first_after = change.astimezone(zone).replace(tzinfo=None)
            if first_after > last_before:
                # Skipped: from the first second that is never shown to the last one.
                wanted = {last_before + second: change, first_after - second: change}
            else:
                # Repeated: both ends of what is shown twice, as first shown.
                length = last_before + second - first_after
                wanted = {first_after: change - length, last_before: change - second}
            for local, instant in wanted.items():
                if instant_of(local.date(), local.time(), zone) != instant:
                    wrong.append((name, local))
    assert wrong == []


def test_every_zone_has_nine_o_clock_each_day_of_a_year() -> None:
    wrong = []
    for name in ZONES:
        zone = ZoneInfo(name)
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        first = None
        for day in range(365):
            moment = next_local_time(moment, time(9), EVERY_DAY, zone, is_inclusive=False)
            local = moment.astimezone(zone)
            first = first or local.date()
            if local.time() != time(9) or local.date() - first != timedelta(days=day):
                wrong.append((name, local))
    assert wrong == []
