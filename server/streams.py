"""Whether a client wants a stream of events, or one answer."""

from strawberry.http.streaming import SSETransport


def wants_events(accept: str) -> bool:
    """Whether an `Accept` header prefers events to JSON: of those it names, the first counts.

    Some clients name both with every operation, urql among them, and want JSON for a query.
    """
    for part in accept.split(","):
        media_type = part.partition(";")[0].strip().lower()
        if media_type == "text/event-stream":
            return True
        if media_type in {"application/json", "application/graphql-response+json"}:
            return False
    return False


class PreferredEvents(SSETransport):
    def accepts(self, accept: str) -> bool:
        return wants_events(accept)
