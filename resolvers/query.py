"""The queries of the API: a list of fields, each with the access it needs."""

import strawberry

from domain.identity.viewer import Access
from resolvers import activity, audience, content, delivery, identity, jobs, nodes, sequences
from schema.base.fields import query


@strawberry.type(
    description="What can be read. All of it is of the workspace that the token or key is for."
)
class Query:
    viewer = query(identity.viewer, access=None, description="Who is asking; null for nobody.")
    node = query(
        nodes.node, access=Access.READ, description="Anything by its id; null if there is none."
    )
    nodes = query(
        nodes.nodes, access=Access.READ, description="Up to 100 things by their ids, in order."
    )
    members = query(
        identity.members, access=Access.READ, description="The workspace's members, oldest first."
    )
    api_keys = query(
        identity.api_keys_of_workspace,
        access=Access.MANAGE,
        description="The workspace's API keys, newest first.",
    )
    audit_log = query(
        identity.audit_log,
        access=Access.MANAGE,
        description="Who changed what gives power, or let data out; newest first.",
    )
    send_stats = query(
        activity.send_stats,
        access=Access.READ,
        description="How the mail of a sequence fares.",
    )
    message = query(
        delivery.message, access=Access.READ, description="One message by its id; null for none."
    )
    template = query(
        content.template, access=Access.READ, description="One template by its id; null for none."
    )
    templates = query(
        content.list_templates,
        access=Access.READ,
        description="The templates that are not archived, newest first.",
    )
    preview_template = query(
        content.preview_template,
        access=Access.READ,
        description="A template, or a draft of one, as a subscriber would get it.",
    )
    subscribers = query(
        audience.list_subscribers,
        access=Access.READ,
        description="The workspace's subscribers, newest first.",
    )
    subscriber = query(
        audience.subscriber,
        access=Access.READ,
        description="One subscriber by `id` or by `email` in any spelling; null for none.",
    )
    job = query(jobs.job, access=Access.READ, description="One job by its id; null for none.")
    jobs = query(jobs.jobs, access=Access.READ, description="Long work, newest first.")
    sequence = query(
        sequences.sequence, access=Access.READ, description="One sequence by its id; null for none."
    )
    sequences = query(
        sequences.list_of_sequences,
        access=Access.READ,
        description="The workspace's sequences, newest first.",
    )
