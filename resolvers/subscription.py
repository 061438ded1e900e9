"""The subscriptions of the API: a list of fields, each with the access it needs."""

import strawberry

from domain.identity.viewer import Access
from resolvers import activity, jobs
from schema.base.fields import subscription


@strawberry.type(
    description="What can be watched, by WebSocket (`graphql-transport-ws`) or server-sent events."
)
class Subscription:
    send_stats = subscription(
        activity.watch_send_stats,
        access=Access.READ,
        description="A sequence's numbers, now and after each change, at most four a second.",
    )
    job_progress = subscription(
        jobs.job_progress,
        access=Access.READ,
        description="A job now and after each report, at most four a second, until it has ended.",
    )
