"""Why somebody is where they are in a sequence, in words, from what was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from domain.base.database import Record, fetch

TIMELINE_MOST: Final = 200

_FINISHED: Final = {
    "end": "All steps were gone through.",
    "exit_step": "An exit step was reached.",
    "sequence_archived": "The sequence was archived.",
    "subscriber_unsubscribed": "The subscriber has unsubscribed.",
    "subscriber_bounced": "The subscriber's address has bounced.",
    "subscriber_complained": "The subscriber has complained about our mail.",
    "suppressed": "The address is on the suppression list.",
    "endless_loop": "The steps led in a circle without a wait.",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`code` is stable, for programs; `until` ends a wait."""

    code: str
    text: str
    until: datetime | None = None


def explain_enrollment(enrollment: Record, sequence_status: str, now: datetime) -> Explanation:
    """Why an enrollment rests or has ended; a reason from elsewhere stands for itself."""
    if enrollment["status"] != "active":
        reason = enrollment["reason"]
        return Explanation(reason, _FINISHED.get(reason, reason))
    due_at = enrollment["due_at"]
    if sequence_status != "active":
        return Explanation("paused", "The sequence is paused: everybody keeps their place.")
    if due_at > now:
        text = f"It waits in step `{enrollment['step_key']}`."
        return Explanation("waiting", text, due_at)
    if enrollment["step_key"] is None:
        return Explanation("entering", "It is about to enter the first step.")
    return Explanation("due", f"Its wait in step `{enrollment['step_key']}` is over; it is next.")


def explain_decision(decision: Record) -> Explanation:
    """What was decided at one step visit, and why."""
    details = orjson.loads(decision["details"])
    match decision["code"]:
        case "queued":
            return Explanation("queued", "A message was put into the queue.")
        case "waiting":
            until = datetime.fromisoformat(details["until"])
            return Explanation("waiting", "A wait began.", until)
        case "branch" if details["taken"] is None:
            return Explanation("branch", "No condition was true.")
        case "branch":
            text = f"Condition {details['taken'] + 1} was the first to be true."
            return Explanation("branch", text)
        case "exit":
            return Explanation("exit", "The sequence was left here.")
        case code:
            return Explanation(code, code)


async def read_timelines(
    workspace_id: UUID, enrollment_ids: Sequence[UUID], last: int
) -> dict[UUID, list[Record]]:
    """The `last` decisions about each of these enrollments, the oldest first, in one read."""
    rows = await fetch(
        """SELECT d.* FROM unnest($2::uuid[]) AS wanted (id)
           CROSS JOIN LATERAL (
               SELECT id, enrollment_id, visit, step_key, code, details::text AS details,
                      decided_at
               FROM decision WHERE workspace_id = $1 AND enrollment_id = wanted.id
               ORDER BY visit DESC LIMIT $3
           ) d
           ORDER BY d.visit""",
        workspace_id,
        list(set(enrollment_ids)),
        last,
    )
    found: dict[UUID, list[Record]] = {identifier: [] for identifier in enrollment_ids}
    for row in rows:
        found[row["enrollment_id"]].append(row)
    return found
