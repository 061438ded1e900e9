"""The mutations of the API: a list of fields, each with the access it needs."""

import strawberry

from domain.identity.viewer import Access
from resolvers import activity, audience, content, identity, sequences
from schema.base.fields import mutation


@strawberry.type(
    description="What can be done. Expected failures come back in the payload's `errors`; then"
    " nothing was done."
)
class Mutation:
    sign_up = mutation(
        identity.sign_up, access=None, description="Make an account and a workspace of its own."
    )
    sign_in = mutation(identity.sign_in, access=None, description="Begin a session.")
    refresh_session = mutation(
        identity.refresh_session, access=None, description="Trade a refresh token for a new pair."
    )
    sign_out = mutation(
        identity.sign_out, access=None, description="End the session of a refresh token."
    )
    update_workspace = mutation(
        identity.update_workspace, access=Access.MANAGE, description="Change its settings."
    )
    add_member = mutation(
        identity.add_member, access=Access.MANAGE, description="Give a colleague an account here."
    )
    change_role = mutation(
        identity.change_role, access=Access.MANAGE, description="Change what a member may do."
    )
    create_api_key = mutation(
        identity.create_api_key, access=Access.MANAGE, description="Make a key for machines."
    )
    revoke_api_key = mutation(
        identity.revoke_api_key, access=Access.MANAGE, description="End a key at once."
    )
    track_events = mutation(
        activity.track_events,
        access=Access.TRACK,
        judges_items=True,
        description="Tell up to 1,000 facts about subscribers; each is recorded or refused by"
        " itself.",
    )
    create_template = mutation(
        content.create_template, access=Access.WRITE, description="Make a template."
    )
    update_template = mutation(
        content.update_template,
        access=Access.WRITE,
        description="Rename a template, or give it a new revision.",
    )
    archive_template = mutation(
        content.archive_template,
        access=Access.WRITE,
        description="Put a template away; what uses it goes on.",
    )
    create_subscriber = mutation(
        audience.create_subscriber, access=Access.WRITE, description="Add one subscriber."
    )
    upsert_subscriber = mutation(
        audience.upsert_subscriber,
        access=Access.WRITE,
        description="Add one subscriber, or add what is told to what is known of them.",
    )
    update_subscriber = mutation(
        audience.update_subscriber, access=Access.WRITE, description="Change what is known of one."
    )
    add_tags = mutation(
        audience.add_tags,
        access=Access.WRITE,
        description="Tag up to 1,000 subscribers; sequences hear of tags that are new to them.",
    )
    remove_tags = mutation(
        audience.remove_tags, access=Access.WRITE, description="Take tags from up to 1,000."
    )
    unsubscribe_subscriber = mutation(
        audience.unsubscribe_subscriber,
        access=Access.WRITE,
        description="Mail a subscriber no more; their address is suppressed.",
    )
    resubscribe_subscriber = mutation(
        audience.resubscribe_subscriber,
        access=Access.WRITE,
        description="Mail a subscriber again who unsubscribed and has asked for it since.",
    )
    suppress_address = mutation(
        audience.suppress_address, access=Access.WRITE, description="Mail an address no more."
    )
    unsuppress_address = mutation(
        audience.unsuppress_address, access=Access.WRITE, description="Lift a suppression."
    )
    import_subscribers = mutation(
        audience.import_subscribers,
        access=Access.WRITE,
        description="Bring in people from a CSV file of at most 256 MiB, as a job.",
    )
    import_events = mutation(
        audience.import_events,
        access=Access.WRITE,
        description="Bring in past events, such as orders, from a CSV file, as a job.",
    )
    create_sequence = mutation(
        sequences.create_sequence, access=Access.WRITE, description="Make a sequence, as a draft."
    )
    update_sequence_draft = mutation(
        sequences.update_sequence_draft,
        access=Access.WRITE,
        description="Change a sequence's name or draft, if nobody else has meanwhile.",
    )
    validate_sequence = mutation(
        sequences.validate_sequence,
        access=Access.READ,
        description="Whatever is wrong with a sequence's draft, or with the one given.",
    )
    publish_sequence = mutation(
        sequences.publish_sequence,
        access=Access.WRITE,
        description="Make the draft the version that people enter from now on.",
    )
    activate_sequence = mutation(
        sequences.activate_sequence,
        access=Access.WRITE,
        description="Let people in and move them on, from now.",
    )
    pause_sequence = mutation(
        sequences.pause_sequence,
        access=Access.WRITE,
        description="Nobody enters, moves on or is mailed until it is activated again.",
    )
    archive_sequence = mutation(
        sequences.archive_sequence,
        access=Access.WRITE,
        description="End it for good: everybody leaves, what is queued is skipped.",
    )
    enroll = mutation(
        sequences.enroll, access=Access.WRITE, description="Let people into an active sequence."
    )
