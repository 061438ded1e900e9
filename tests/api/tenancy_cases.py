"""For each place in the schema that takes an id: an operation in which `$id` stands there."""

from dataclasses import dataclass, field

from schema.base.node import node_types

SEND = '{ sendEmail: { key: "mail", templateId: $id } }'
OPENED = "{ engagement: { action: OPENED, sequenceId: $id } }"
BRANCH = f'{{ branch: {{ key: "b", branches: [{{ condition: {OPENED} }}] }} }}'


@dataclass(frozen=True)
class Case:
    """An operation in which `$id` is a thing of this type; `others` are ids of one's own things.

    `tells` is False for ids that are kept and judged later, so that even one's own answers alike.
    """

    typename: str
    operation: str
    others: dict[str, str] = field(default_factory=dict)
    tells: bool = True


def mutation(call: str, selection: str, **others: str) -> str:
    declared = "".join(f", ${name}: ID!" for name in others)
    answered = f"{selection} errors {{ field message code }}"
    return f"mutation ($id: ID!{declared}) {{ {call} {{ {answered} }} }}"


DRAFT = "draft { steps { key ... on SendEmailStep { template { name } } } }"


def draft(step: str) -> str:
    return f"draft: {{ steps: [{step}] }}"


CASES: dict[str, Case] = {
    **{
        f"Query.node(id) of {typename}": Case(
            typename, "query ($id: ID!) { node(id: $id) { id __typename } }"
        )
        for typename in sorted(node_types())
    },
    "Query.nodes(ids[])": Case(
        "Subscriber", "query ($id: ID!) { nodes(ids: [$id]) { id __typename } }"
    ),
    "Query.sendStats(sequenceId)": Case(
        "Sequence", "query ($id: ID!) { sendStats(sequenceId: $id) { queued } }"
    ),
    "Query.message(id)": Case("Message", "query ($id: ID!) { message(id: $id) { status } }"),
    "Query.template(id)": Case("Template", "query ($id: ID!) { template(id: $id) { name } }"),
    "Query.previewTemplate(input.templateId)": Case(
        "Template",
        "query ($id: ID!) { previewTemplate(input: { templateId: $id }) { subject } }",
    ),
    "Query.previewTemplate(input.subscriberId)": Case(
        "Subscriber",
        "query ($id: ID!, $template: ID!) { previewTemplate(input: { templateId: $template,"
        " subscriberId: $id }) { html } }",
        {"template": "Template"},
    ),
    "Query.subscriber(id)": Case(
        "Subscriber", "query ($id: ID!) { subscriber(id: $id) { email } }"
    ),
    "Query.job(id)": Case("Job", "query ($id: ID!) { job(id: $id) { status } }"),
    "Query.sequence(id)": Case("Sequence", "query ($id: ID!) { sequence(id: $id) { name } }"),
    "Mutation.changeRole(id)": Case(
        "Member", mutation("changeRole(id: $id, role: OWNER)", "member { role }")
    ),
    "Mutation.revokeApiKey(id)": Case(
        "ApiKey", mutation("revokeApiKey(id: $id)", "apiKey { prefix }")
    ),
    "Mutation.trackEvents(events[].subscriberId)": Case(
        "Subscriber",
        mutation(
            'trackEvents(events: [{ subscriberId: $id, name: "seen" }])',
            "results { status error { field message code } }",
        ),
    ),
    "Mutation.updateTemplate(input.id)": Case(
        "Template", mutation('updateTemplate(input: { id: $id, name: "x" })', "template { name }")
    ),
    "Mutation.archiveTemplate(id)": Case(
        "Template", mutation("archiveTemplate(id: $id)", "template { name }")
    ),
    "Mutation.updateSubscriber(id)": Case(
        "Subscriber",
        mutation('updateSubscriber(id: $id, input: { firstName: "X" })', "subscriber { email }"),
    ),
    "Mutation.addTags(subscriberIds[])": Case(
        "Subscriber",
        mutation('addTags(subscriberIds: [$id], tags: ["x"])', "subscribers { email }"),
    ),
    "Mutation.removeTags(subscriberIds[])": Case(
        "Subscriber",
        mutation('removeTags(subscriberIds: [$id], tags: ["x"])', "subscribers { email }"),
    ),
    "Mutation.unsubscribeSubscriber(id)": Case(
        "Subscriber", mutation("unsubscribeSubscriber(id: $id)", "subscriber { email }")
    ),
    "Mutation.resubscribeSubscriber(id)": Case(
        "Subscriber", mutation("resubscribeSubscriber(id: $id)", "subscriber { email }")
    ),
    **{
        f"Mutation.{name}({place}draft.steps[].{path})": Case(
            typename,
            mutation(call.format(draft=draft(step)), selection, **others),
            others,
            tells,
        )
        for name, place, call, selection, others in [
            (
                "createSequence",
                "input.",
                'createSequence(input: {{ name: "x", {draft} }})',
                f"sequence {{ {DRAFT} }}",
                {},
            ),
            (
                "updateSequenceDraft",
                "input.",
                "updateSequenceDraft(input: {{ id: $sequence, revision: 1, {draft} }})",
                f"sequence {{ {DRAFT} }}",
                {"sequence": "Sequence"},
            ),
            (
                "validateSequence",
                "",
                "validateSequence(id: $sequence, {draft})",
                "issues { step field message code }",
                {"sequence": "Sequence"},
            ),
        ]
        for path, typename, step, tells in [
            ("sendEmail.templateId", "Template", SEND, True),
            (
                "branch.branches[].condition.engagement.sequenceId",
                "Sequence",
                BRANCH,
                name == "validateSequence",
            ),
        ]
    },
    "Mutation.updateSequenceDraft(input.id)": Case(
        "Sequence",
        mutation(
            'updateSequenceDraft(input: { id: $id, revision: 3, name: "x" })', "sequence { name }"
        ),
    ),
    "Mutation.validateSequence(id)": Case(
        "Sequence", mutation("validateSequence(id: $id)", "isPublishable")
    ),
    "Mutation.publishSequence(id)": Case(
        "Sequence", mutation("publishSequence(id: $id, revision: 1)", "version { number }")
    ),
    "Mutation.activateSequence(id)": Case(
        "Sequence", mutation("activateSequence(id: $id)", "sequence { status }")
    ),
    "Mutation.pauseSequence(id)": Case(
        "Sequence", mutation("pauseSequence(id: $id)", "sequence { status }")
    ),
    "Mutation.archiveSequence(id)": Case(
        "Sequence", mutation("archiveSequence(id: $id)", "sequence { status }")
    ),
    "Mutation.enroll(input.sequenceId)": Case(
        "Sequence",
        mutation(
            "enroll(input: { sequenceId: $id, subscriberIds: [$subscriber] })",
            "alreadyCount unknownIds",
            subscriber="Subscriber",
        ),
        {"subscriber": "Subscriber"},
    ),
    "Mutation.enroll(input.subscriberIds[])": Case(
        "Subscriber",
        mutation(
            "enroll(input: { sequenceId: $sequence, subscriberIds: [$id] })",
            "alreadyCount unknownIds",
            sequence="Sequence",
        ),
        {"sequence": "Sequence"},
    ),
}
SUBSCRIPTIONS = {
    "Subscription.sendStats(sequenceId)": Case(
        "Sequence", "subscription ($id: ID!) { sendStats(sequenceId: $id) { queued } }"
    ),
    "Subscription.jobProgress(jobId)": Case(
        "Job", "subscription ($id: ID!) { jobProgress(jobId: $id) { status } }"
    ),
}
