"""Enums of sequences, described; import it before the types that use them are made."""

from domain.sequences.models import EnrollmentStatus, SequenceStatus
from domain.sequences.validation import IssueCode, Severity
from schema.base.enums import described_enum

__all__ = ["EnrollmentStatus", "IssueCode", "SequenceStatus", "Severity"]

described_enum(
    SequenceStatus,
    name="SequenceStatus",
    description="Only `ACTIVE` ones let people in and move them on; `ARCHIVED` is for good.",
    values={
        SequenceStatus.DRAFT: "Never activated so far.",
        SequenceStatus.ACTIVE: "Lets people in and moves them on.",
        SequenceStatus.PAUSED: "Nobody enters, moves on or is mailed.",
        SequenceStatus.ARCHIVED: "Ended for good.",
    },
)
described_enum(
    EnrollmentStatus,
    name="EnrollmentStatus",
    description="`COMPLETED` went through all steps, `EXITED` left before.",
    values={
        EnrollmentStatus.ACTIVE: "On their way.",
        EnrollmentStatus.COMPLETED: "Went through all steps.",
        EnrollmentStatus.EXITED: "Left before: `reason` says why.",
    },
)
described_enum(
    IssueCode,
    name="IssueCode",
    description="What is wrong; stable, for programs.",
    values={
        IssueCode.EMPTY: "There are no steps.",
        IssueCode.NO_TRIGGER: "Nothing lets anybody in.",
        IssueCode.NO_START: "The first step is not set, or does not exist.",
        IssueCode.MISSING_TARGET: "A step leads to one that does not exist.",
        IssueCode.UNREACHABLE: "Nobody can get to a step.",
        IssueCode.ENDLESS_LOOP: "Steps lead back to themselves without a wait.",
        IssueCode.MISSING_TEMPLATE: "A template does not exist.",
        IssueCode.MISSING_SEQUENCE: "A condition names a sequence that does not exist.",
        IssueCode.UNKNOWN_ATTRIBUTE: "An attribute in a condition that nobody has yet; a warning.",
        IssueCode.DUPLICATE: "Two steps have the same key, or two triggers are the same.",
        IssueCode.INVALID: "A value that cannot be taken.",
        IssueCode.TOO_LARGE: "More steps or triggers than there may be.",
    },
)
described_enum(
    Severity,
    name="Severity",
    description="An error keeps a draft from being published.",
    values={
        Severity.ERROR: "It cannot be published like this.",
        Severity.WARNING: "It can be published, and is perhaps not what is meant.",
    },
)
