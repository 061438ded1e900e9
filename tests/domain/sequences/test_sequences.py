from datetime import timedelta
from uuid import UUID

import orjson
import pytest

from domain.activity.models import EventKind
from domain.audience.conditions.tree import Attribute, IsSet
from domain.base.database import execute, fetch, fetchval
from domain.base.errors import (
    ConflictError,
    DomainErrors,
    InvalidInputError,
    NotFoundError,
    RequiredError,
)
from domain.base.ids import new_id
from domain.base.pages import PageRequest
from domain.identity.audit import Actor
from domain.sequences.definition import (
    Branch,
    BranchArm,
    Definition,
    EventHappened,
    Exit,
    Manual,
    SendEmail,
    Subscribed,
    TagAdded,
    Wait,
)
from domain.sequences.models import SequenceStatus
from domain.sequences.sequences import (
    activate,
    archive,
    create_sequence,
    draft_of,
    find_sequence,
    list_sequences,
    pause,
    update_draft,
)
from domain.sequences.versions import publish, validate_draft, versions_of
from tests.domain.sequences.garden import NOW, Garden, revise

LEAVING = Definition("out", (Manual(),), (Exit("out"),))
LATER = NOW + timedelta(hours=1)


async def listeners(sequence_id: UUID) -> set[tuple[str, str]]:
    rows = await fetch("SELECT kind, key FROM listener WHERE sequence_id = $1", sequence_id)
    return {(row["kind"], row["key"]) for row in rows}


async def make(garden: Garden, definition: Definition = LEAVING) -> UUID:
    row = await create_sequence(garden.workspace_id, "Welcome", definition, NOW)
    sequence_id: UUID = row["id"]
    return sequence_id


async def publish_now(garden: Garden, sequence_id: UUID, revision: int = 1) -> tuple[UUID, int]:
    version = await publish(
        garden.workspace_id,
        sequence_id,
        expected_revision=revision,
        published_by=Actor(),
        now=NOW,
    )
    return version["id"], version["number"]


async def test_new_sequence_is_a_draft(garden: Garden) -> None:
    row = await create_sequence(garden.workspace_id, "  Welcome ", LEAVING, NOW)
    assert (row["name"], row["status"], row["draft_revision"]) == ("Welcome", "draft", 1)
    assert row["active_version_id"] is None
    assert draft_of(row) == LEAVING


async def test_sequence_needs_a_name(garden: Garden) -> None:
    with pytest.raises(RequiredError) as refused:
        await create_sequence(garden.workspace_id, " ", LEAVING, NOW)
    assert refused.value.field == "name"


async def test_nul_in_a_draft_is_refused(garden: Garden) -> None:
    definition = Definition(triggers=(EventHappened("a\0b"),))
    with pytest.raises(InvalidInputError):
        await create_sequence(garden.workspace_id, "Welcome", definition, NOW)


async def test_edit_of_an_old_draft_is_refused_and_changes_nothing(garden: Garden) -> None:
    sequence_id = await make(garden)
    first = Definition(steps=(Exit("first"),))
    await update_draft(
        garden.workspace_id, sequence_id, expected_revision=1, now=NOW, definition=first
    )
    with pytest.raises(ConflictError) as refused:
        await update_draft(
            garden.workspace_id,
            sequence_id,
            expected_revision=1,
            now=NOW,
            definition=Definition(steps=(Exit("second"),)),
        )
    assert refused.value.field == "revision"
    row = await find_sequence(garden.workspace_id, sequence_id)
    assert row is not None
    assert (draft_of(row), row["draft_revision"]) == (first, 2)


async def test_edit_that_is_repeated_succeeds_again(garden: Garden) -> None:
    sequence_id = await make(garden)
    rows = [
        await update_draft(
            garden.workspace_id, sequence_id, expected_revision=1, now=NOW, name="Hello"
        )
        for _ in range(2)
    ]
    assert [(row["name"], row["draft_revision"]) for row in rows] == [("Hello", 2)] * 2


async def test_publishing_numbers_versions_and_pins_revisions(garden: Garden) -> None:
    sequence_id = await make(garden, Definition("hello", (Manual(),), (garden.send("hello"),)))
    version_id, number = await publish_now(garden, sequence_id)
    (version,) = await versions_of(garden.workspace_id, [sequence_id])
    assert (version["id"], number) == (version_id, 1)
    pinned = SendEmail("hello", garden.template_id, None, garden.revision_id)
    assert Definition.from_json(orjson.loads(version["definition"])).steps == (pinned,)

    await revise(garden, new_id(NOW), 2)
    assert (await publish_now(garden, sequence_id))[1] == 2
    numbers = [row["number"] for row in await versions_of(garden.workspace_id, [sequence_id])]
    assert numbers == [2, 1]


async def test_publishing_the_same_again_gives_the_same_version(garden: Garden) -> None:
    sequence_id = await make(garden)
    assert await publish_now(garden, sequence_id) == await publish_now(garden, sequence_id)


async def test_publishing_what_somebody_else_has_edited_is_refused(garden: Garden) -> None:
    sequence_id = await make(garden)
    await update_draft(garden.workspace_id, sequence_id, expected_revision=1, now=NOW, name="New")
    with pytest.raises(ConflictError) as refused:
        await publish_now(garden, sequence_id, 1)
    assert refused.value.field == "revision"
    assert await versions_of(garden.workspace_id, [sequence_id]) == []


async def test_publishing_a_wrong_draft_names_every_step_at_fault(garden: Garden) -> None:
    missing = SendEmail("hello", new_id(NOW), "nowhere")
    sequence_id = await make(garden, Definition("hello", (Manual(),), (missing,)))
    with pytest.raises(DomainErrors) as refused:
        await publish_now(garden, sequence_id)
    assert [(error.field, error.message) for error in refused.value.errors] == [
        ("steps.hello.templateId", "Step `hello`: this template does not exist."),
        ("steps.hello.next", "Step `hello`: there is no step `nowhere`."),
    ]
    assert await versions_of(garden.workspace_id, [sequence_id]) == []


async def test_archived_template_is_as_missing(garden: Garden) -> None:
    sequence_id = await make(garden, Definition("hello", (Manual(),), (garden.send("hello"),)))
    assert await validate_draft(garden.workspace_id, sequence_id) == []
    await execute("UPDATE template SET archived_at = now()")
    (issue,) = await validate_draft(garden.workspace_id, sequence_id)
    assert (issue.step, issue.code) == ("hello", "MISSING_TEMPLATE")


async def test_attribute_is_known_once_somebody_has_it(garden: Garden) -> None:
    fork = Branch("fork", (BranchArm(Attribute("plan", IsSet())),))
    sequence_id = await make(garden, Definition("fork", (Manual(),), (fork,)))
    (issue,) = await validate_draft(garden.workspace_id, sequence_id)
    assert issue.code == "UNKNOWN_ATTRIBUTE"
    await garden.add_people(1)
    await execute("""UPDATE subscriber SET attributes = '{"plan": "pro"}'""")
    assert await validate_draft(garden.workspace_id, sequence_id) == []


async def test_activation_needs_a_version(garden: Garden) -> None:
    sequence_id = await make(garden)
    with pytest.raises(ConflictError, match="Publish the sequence"):
        await activate(garden.workspace_id, sequence_id, NOW)
    row = await find_sequence(garden.workspace_id, sequence_id)
    assert row is not None
    assert row["status"] == "draft"


async def test_active_sequence_listens_for_its_triggers_until_it_is_paused(
    garden: Garden,
) -> None:
    triggers = (Subscribed(), TagAdded("vip"), EventHappened("order"), Manual())
    sequence_id = await garden.grow(Exit("out"), triggers=triggers)
    assert await listeners(sequence_id) == {
        (EventKind.SUBSCRIBED, ""),
        (EventKind.TAG_ADDED, "vip"),
        (EventKind.CUSTOM, "order"),
    }
    await pause(garden.workspace_id, sequence_id, NOW)
    assert await listeners(sequence_id) == set()


async def test_new_version_of_an_active_sequence_listens_for_its_own_triggers(
    garden: Garden,
) -> None:
    sequence_id = await garden.grow(Exit("out"), triggers=(TagAdded("old"),))
    await update_draft(
        garden.workspace_id,
        sequence_id,
        expected_revision=1,
        now=NOW,
        definition=Definition("out", (TagAdded("new"),), (Exit("out"),)),
    )
    assert await listeners(sequence_id) == {("tag_added", "old")}
    await publish_now(garden, sequence_id, 2)
    assert await listeners(sequence_id) == {("tag_added", "new")}


async def test_each_change_of_status_may_be_repeated(garden: Garden) -> None:
    sequence_id = await garden.grow(Exit("out"))
    for change, status in ((activate, "active"), (pause, "paused"), (archive, "archived")):
        for _ in range(2):
            row = await change(garden.workspace_id, sequence_id, LATER)
            assert row["status"] == status


async def test_archived_sequence_stays_as_it_is(garden: Garden) -> None:
    sequence_id = await garden.grow(Exit("out"))
    await archive(garden.workspace_id, sequence_id, NOW)
    for change in (activate, pause):
        with pytest.raises(ConflictError):
            await change(garden.workspace_id, sequence_id, NOW)
    with pytest.raises(ConflictError):
        await publish_now(garden, sequence_id)
    with pytest.raises(ConflictError):
        await update_draft(
            garden.workspace_id, sequence_id, expected_revision=1, now=NOW, name="New"
        )


async def test_draft_cannot_be_paused(garden: Garden) -> None:
    sequence_id = await make(garden)
    with pytest.raises(ConflictError, match="A sequence that is draft cannot become paused"):
        await pause(garden.workspace_id, sequence_id, NOW)


async def test_sequence_of_another_workspace_is_no_sequence(garden: Garden) -> None:
    sequence_id = await garden.grow(Exit("out"))
    stranger = new_id(NOW)
    for change in (activate, pause, archive):
        with pytest.raises(NotFoundError):
            await change(stranger, sequence_id, NOW)
    with pytest.raises(NotFoundError):
        await validate_draft(stranger, sequence_id)
    with pytest.raises(NotFoundError):
        await publish(stranger, sequence_id, expected_revision=1, published_by=Actor(), now=NOW)
    with pytest.raises(NotFoundError):
        await update_draft(stranger, sequence_id, expected_revision=1, now=NOW, name="Mine")
    row = await find_sequence(garden.workspace_id, sequence_id)
    assert row is not None
    assert (row["name"], row["status"]) == ("Welcome", "active")
    assert await fetchval("SELECT count(*) FROM sequence_version") == 1


async def test_list_is_newest_first_by_pages_and_status(garden: Garden) -> None:
    names = []
    for number in range(5):
        at = NOW + timedelta(seconds=number)
        row = await create_sequence(garden.workspace_id, f"S{number}", LEAVING, at)
        names.append(row["name"])
    page = await list_sequences(garden.workspace_id, PageRequest(3))
    assert [row["name"] for row in page.rows] == ["S4", "S3", "S2"]
    assert page.has_next_page
    assert page.count is not None
    assert await page.count() == 5
    page = await list_sequences(garden.workspace_id, PageRequest(3, page.rows[-1]["id"]))
    assert [row["name"] for row in page.rows] == ["S1", "S0"]
    assert not page.has_next_page
    page = await list_sequences(garden.workspace_id, PageRequest(3), SequenceStatus.ACTIVE)
    assert list(page.rows) == []


async def test_wait_for_nobody_is_a_sound_draft(garden: Garden) -> None:
    sequence_id = await make(garden, Definition("pause", (Manual(),), (Wait("pause", 60),)))
    assert await validate_draft(garden.workspace_id, sequence_id) == []
