import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.base.clock import now
from domain.base.ids import new_id
from domain.delivery.journal import Journal, Step, orphans

# A process that writes what it is told and then waits to be killed.
WRITER = """
import sys
from pathlib import Path
from uuid import UUID
from domain.delivery.journal import Journal, Step
journal = Journal(Path(sys.argv[1]), UUID(sys.argv[2]))
for note in sys.argv[3:]:
    identifier, _, step = note.partition("=")
    journal.write(UUID(identifier), Step[step])
print("ready", flush=True)
sys.stdin.read()
"""


def killed_writer(folder: Path, owner: UUID, notes: list[tuple[UUID, Step]]) -> None:
    """Write these notes in a process of their own and kill it."""
    arguments = [f"{identifier}={step.name}" for identifier, step in notes]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(owner), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert list(orphans(folder)) == [], "a living process's journal is nobody's orphan"
        process.kill()


def test_notes_outlive_a_killed_process(tmp_path: Path) -> None:
    owner, first, second, third = uuid4(), new_id(now()), new_id(now()), new_id(now())
    killed_writer(
        tmp_path,
        owner,
        [
            (first, Step.HANDED_OVER),
            (second, Step.HANDED_OVER),
            (first, Step.ACCEPTED),
        ],
    )
    [orphan] = list(orphans(tmp_path))
    assert orphan.owner == owner
    assert orphan.is_complete
    assert orphan.last_step(first) is Step.ACCEPTED
    assert orphan.last_step(second) is Step.HANDED_OVER
    assert orphan.last_step(third) is None


def test_a_step_costs_nine_bytes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, uuid4())
    [path] = tmp_path.iterdir()
    before = path.stat().st_size
    journal.write(uuid4(), Step.HANDED_OVER)
    journal.write(uuid4(), Step.ACCEPTED)
    assert path.stat().st_size - before == 18
    journal.close(is_settled=True)
    assert list(tmp_path.iterdir()) == []


def test_an_unsettled_journal_is_an_orphan_once_closed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, uuid4())
    assert list(orphans(tmp_path)) == []
    journal.close(is_settled=False)
    [orphan] = list(orphans(tmp_path))
    assert orphan.is_complete
    orphan.remove()
    assert list(orphans(tmp_path)) == []


def test_a_closed_journal_takes_no_more_notes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, uuid4())
    journal.close(is_settled=False)
    with pytest.raises(OSError, match="is closed"):
        journal.write(uuid4(), Step.ACCEPTED)


def test_a_journal_of_another_boot_or_with_a_torn_end_is_not_complete(tmp_path: Path) -> None:
    for change in (lambda data: b"another-boot\n" + data.partition(b"\n")[2], lambda d: d[:-1]):
        journal = Journal(tmp_path, uuid4())
        identifier = uuid4()
        journal.write(identifier, Step.ACCEPTED)
        journal.write(uuid4(), Step.HANDED_OVER)
        journal.close(is_settled=False)
        [path] = tmp_path.iterdir()
        path.write_bytes(change(path.read_bytes()))
        [orphan] = list(orphans(tmp_path))
        assert not orphan.is_complete
        assert orphan.last_step(identifier) is Step.ACCEPTED
        orphan.remove()


def test_a_journal_whose_end_a_power_cut_left_blank_is_read_up_to_there(tmp_path: Path) -> None:
    message = new_id(now())
    journal = Journal(tmp_path, uuid4())
    journal.write(message, Step.HANDED_OVER)
    journal.close(is_settled=False)
    [path] = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(bytes(18))
    [orphan] = list(orphans(tmp_path))
    assert not orphan.is_complete
    assert orphan.last_steps == {message.bytes[8:]: Step.HANDED_OVER}


def test_what_is_no_journal_of_ours_keeps_nobody_from_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    owner = uuid4()
    (tmp_path / "0.journal").write_bytes(b"no owner's")
    (tmp_path / "1.journal").mkdir()
    Journal(tmp_path, owner).close(is_settled=False)
    assert [orphan.owner for orphan in orphans(tmp_path)] == [owner]
    assert "0.journal" in caplog.text
    assert "1.journal" in caplog.text
