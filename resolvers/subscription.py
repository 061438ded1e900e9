"""The subscriptions of the API: a list of fields, each with the access it needs."""

import strawberry

from domain.identity.viewer import Access
from resolvers import activity
from schema.base.fields import subscription


@strawberry.type
class Subscription:
    send_stats = subscription(
        activity.watch_send_stats,
        access=Access.READ,
        description="A sequence's numbers, now and after each change, at most four a second.",
    )
