"""The mutations of the API: a list of fields, each with the access it needs."""

import strawberry

from domain.identity.viewer import Access
from resolvers import activity, content, identity
from schema.base.fields import mutation


@strawberry.type
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
