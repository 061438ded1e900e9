"""Where a clicked link leads, worked out for the person to whom the message was sent."""

import logging

import orjson

from domain.activity.hits import HitMessage
from domain.base.database import fetchrow
from domain.content.links import resolve_destination
from domain.content.liquid import TemplateError
from domain.content.mime import message_values

logger = logging.getLogger(__name__)

_READ = """
SELECT s.email, s.first_name, s.last_name, s.timezone, s.locale, s.attributes::text AS attributes,
       s.tags, w.name AS workspace_name, (e.trigger -> 'properties')::text AS event
FROM message m
JOIN subscriber s ON s.id = m.subscriber_id AND s.workspace_id = m.workspace_id
JOIN workspace w ON w.id = m.workspace_id
LEFT JOIN enrollment e ON e.id = m.enrollment_id AND e.workspace_id = m.workspace_id
WHERE m.id = $1 AND m.workspace_id = $2
"""


async def click_destination(message: HitMessage) -> str | None:
    """The web address of the clicked link, as the person's data have it now.

    None when it is no web address, or when a value that it needs is no longer there.
    """
    if message.link is None:
        return None
    values: dict[str, object] = {}
    if "{{" in message.link or "{%" in message.link:
        row = await fetchrow(_READ, message.message_id, message.workspace_id)
        if row is None:
            return None
        values = message_values(
            email=row["email"],
            first_name=row["first_name"],
            last_name=row["last_name"],
            timezone=row["timezone"],
            locale=row["locale"],
            attributes=orjson.loads(row["attributes"]),
            tags=row["tags"],
            workspace_name=row["workspace_name"],
            event=None if row["event"] is None else orjson.loads(row["event"]),
        )
    try:
        return resolve_destination(message.link, values)
    except TemplateError as error:
        logger.warning("a link of message %s leads nowhere: %s", message.message_id, error)
        return None
