"""The demo's mails and sequences. Its waits are seconds, where a real shop would wait for days."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from domain.audience.conditions.tree import (
    Attribute,
    Engagement,
    EngagementAction,
    NumberOperator,
    NumberTest,
)
from domain.sequences.definition import (
    Branch,
    BranchArm,
    Definition,
    Exit,
    Manual,
    SendEmail,
    Subscribed,
    Wait,
)

FOLDER = Path(__file__).parent / "mail"


@dataclass(frozen=True, slots=True)
class Mail:
    name: str
    file: str
    subject: str

    @property
    def body(self) -> str:
        return (FOLDER / self.file).read_text(encoding="utf-8")


WELCOME_MAIL = Mail("Welcome", "welcome.mjml", "Welcome to {{ workspace.name }}")
FIVE_RECORDS = Mail("Five records", "five-records.mjml", "Five records for a long evening")
REGULAR = Mail("We miss you, regular", "we-miss-you-regular.mjml", "Your next order ships for free")
ONCE = Mail("We miss you", "we-miss-you.mjml", "It has been a while")
MAILS = (WELCOME_MAIL, FIVE_RECORDS, REGULAR, ONCE)


def welcome(template_ids: Mapping[str, UUID], sequence_id: UUID) -> Definition:
    """A letter, and a second one for those who opened the first."""
    opened = Engagement(action=EngagementAction.OPENED, sequence_id=sequence_id, step_key="welcome")
    return Definition(
        start="welcome",
        triggers=(Subscribed(), Manual()),
        steps=(
            SendEmail("welcome", template_ids[WELCOME_MAIL.name], next="a-moment"),
            Wait("a-moment", duration_seconds=45, next="opened"),
            Branch("opened", (BranchArm(opened, next="five-records"),), otherwise="quiet"),
            SendEmail("five-records", template_ids[FIVE_RECORDS.name], next=None),
            Exit("quiet"),
        ),
    )


def win_back(template_ids: Mapping[str, UUID]) -> Definition:
    """People who have not ordered for long: regulars are offered something."""
    is_regular = Attribute("orders", NumberTest(NumberOperator.AT_LEAST, 3))
    return Definition(
        start="pause",
        triggers=(Manual(),),
        steps=(
            Wait("pause", duration_seconds=15, next="regular"),
            Branch("regular", (BranchArm(is_regular, next="offer"),), otherwise="reminder"),
            SendEmail("offer", template_ids[REGULAR.name], next=None),
            SendEmail("reminder", template_ids[ONCE.name], next=None),
        ),
    )
