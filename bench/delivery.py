"""Deliver a queue of personal mails to `smtp-sink`, beside `smtp-source` (both of Postfix, in C).

The whole way of a message: claimed from Postgres (a durable one, fsync on), its Liquid rendered in
a 15 KB HTML body made of MJML with 11 tracked links, built, sent over pipelined connections, and
recorded. `smtp-source -s 20 -d` sends ready bytes of the same size over kept-open connections in
the same round. `cpu_us_per_message` is the CPU of this process, the kernel's part included;
`ratio_to_smtp_source` is of wall rates in the same round. Medians over the rounds.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import uvloop

from domain.activity.tokens import MessageTokens
from domain.base import database, partitions
from domain.base.clock import now
from domain.base.ids import new_id
from domain.base.migrations import migrate
from domain.base.shapes import encode
from domain.content.compilation import prepare_template
from domain.content.models import BodyFormat
from domain.delivery.claim import claim_batch
from domain.delivery.composing import Composer
from domain.delivery.messages import NewMessage, insert_messages, message_id
from domain.delivery.sending import drain
from server.embedded import temporary_stores
from tasks.smtp.account import SmtpAccount
from tasks.smtp.pool import SmtpPool

PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
SUBJECT = "{{ subscriber.first_name }}, this week's records for you"
PARAGRAPH = (
    "Taped in a single night: you can hear the room, the rain on the roof, somebody counting in. "
    "We have a dozen copies. "
)


def newsletter() -> str:
    """MJML with eleven links and a handful of personal values; 15 KB of HTML."""
    heading = (
        '<mj-section padding="12px 0"><mj-column><mj-text font-size="20px">'
        "Good morning, {{ subscriber.first_name }}</mj-text><mj-text>"
        "{% if subscriber.attributes.plan == 'gold' %}Thank you for being with us.{% else %}"
        "You have the {{ subscriber.attributes.plan }} plan.{% endif %}"
        "</mj-text></mj-column></mj-section>"
    )
    link = (
        '<p>{text}<a href="https://shop.example.com/records/{number}?from=news">Listen to record '
        "{number}</a>, or leave it.</p>"
    )
    sections = [
        '<mj-section padding="12px 0"><mj-column><mj-text font-size="16px" line-height="24px" '
        'color="#222222" font-family="Georgia, serif">'
        + "".join(link.format(number=number, text=PARAGRAPH) for number in numbers)
        + "</mj-text></mj-column></mj-section>"
        for numbers in ((1, 2, 3), (4, 5), (6, 7), (8, 9), (10, 11))
    ]
    leave = (
        "<mj-section><mj-column><mj-text>You get this at {{ subscriber.email }}. "
        '<a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text></mj-column></mj-section>'
    )
    return f"<mjml><mj-body>{heading}{''.join(sections)}{leave}</mj-body></mjml>"


class Queue:
    """A workspace with one sequence whose messages can be queued by the thousand."""

    def __init__(self) -> None:
        self.at: datetime = now().replace(second=0, microsecond=0)
        self.workspace, self.template, self.revision, self.sequence, self.version = (
            new_id(self.at) for _ in range(5)
        )

    async def prepare(self) -> None:
        await partitions.ensure_ahead(self.at)
        prepared = prepare_template(SUBJECT, newsletter(), BodyFormat.MJML, None)
        print(f"HTML {len(prepared.html)} bytes, {len(prepared.links)} tracked links")
        at, workspace = self.at, self.workspace
        await database.execute(
            """INSERT INTO workspace (id, name, on_unknown, is_demo, created_at)
               VALUES ($1, 'Bench', 'hold', false, $2)""",
            workspace, at,
        )  # fmt: skip
        await database.execute(
            """INSERT INTO template (id, workspace_id, name, created_at, updated_at)
               VALUES ($1, $2, 'News', $3, $3)""",
            self.template, workspace, at,
        )  # fmt: skip
        await database.execute(
            """INSERT INTO template_revision (id, workspace_id, template_id, number, subject, body,
                   format, compiled, links, variables, created_at)
               VALUES ($1, $2, $3, 1, $4, $5, 'mjml', $6, $7, $8, $9)""",
            self.revision, workspace, self.template, SUBJECT, newsletter(),
            database.to_json(encode(prepared)), list(prepared.links), list(prepared.variables), at,
        )  # fmt: skip
        await database.execute(
            """INSERT INTO sequence (id, workspace_id, name, status, draft, draft_revision,
                   created_at, updated_at)
               VALUES ($1, $2, 'News', 'active', '{}', 1, $3, $3)""",
            self.sequence, workspace, at,
        )  # fmt: skip
        await database.execute(
            """INSERT INTO sequence_version (id, workspace_id, sequence_id, number, definition,
                   published_at)
               VALUES ($1, $2, $3, 1, '{}', $4)""",
            self.version, workspace, self.sequence, at,
        )  # fmt: skip

    async def fill(self, count: int) -> None:
        """Queue one message for each of `count` new people."""
        people = [new_id(self.at) for _ in range(count)]
        enrollments = [new_id(self.at) for _ in range(count)]
        await database.execute(
            """INSERT INTO subscriber (id, workspace_id, email, status, first_name, last_name,
                   timezone, attributes, created_at, updated_at)
               SELECT p.id, $1, p.id || '@example.com', 'subscribed', 'Ann', 'Lee',
                      (ARRAY['Europe/Berlin', 'Asia/Kolkata', NULL])[1 + p.n % 3],
                      jsonb_build_object('plan', (ARRAY['gold', 'free'])[1 + p.n % 2]), $2, $2
               FROM unnest($3::uuid[]) WITH ORDINALITY AS p (id, n)""",
            self.workspace, self.at, people,
        )  # fmt: skip
        await database.execute(
            """INSERT INTO enrollment (id, workspace_id, sequence_id, version_id, subscriber_id,
                   status, step_key, enrolled_at)
               SELECT e.id, $1, $2, $3, e.person, 'active', 'news', $4
               FROM unnest($5::uuid[], $6::uuid[]) AS e (id, person)""",
            self.workspace, self.sequence, self.version, self.at, enrollments, people,
        )  # fmt: skip
        for start in range(0, count, 1000):
            await insert_messages(
                [
                    self._message(enrollment, person)
                    for enrollment, person in zip(
                        enrollments[start : start + 1000],
                        people[start : start + 1000],
                        strict=True,
                    )
                ],
                self.at,
            )

    def _message(self, enrollment: UUID, person: UUID) -> NewMessage:
        return NewMessage(
            message_id(self.at, enrollment, 1), self.workspace, person, enrollment, self.sequence,
            self.version, "news", 1, self.revision, self.at,
        )  # fmt: skip


def tool(name: str) -> str:
    found = shutil.which(name, path=PLACES)
    if found is None:
        sys.exit(f"{name} is not installed: run scripts/install-debian-packages")
    return found


@contextmanager
def sink() -> Iterator[int]:
    """An `smtp-sink` for the length of the block; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([tool("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "500"]) as run:
        try:
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield port
        finally:
            run.terminate()


def source_rate(port: int, count: int, size: int) -> float:
    """Messages a second of `smtp-source` with this size of message."""
    began = time.perf_counter()
    subprocess.run(
        [
            tool("smtp-source"), "-s", "20", "-d", "-m", str(count), "-l", str(size),
            "-f", "news@example.com", "-t", "ann@example.com", f"127.0.0.1:{port}",
        ],
        check=True,
    )  # fmt: skip
    return count / (time.perf_counter() - began)


async def size_of_one(queue: Queue, composer: Composer) -> int:
    """Bytes of a mail of this queue; its message is put back."""
    await queue.fill(1)
    claimed = await claim_batch(now(), new_id(now()), 1)
    assert claimed
    compose = await composer.prepare(claimed)
    await database.execute("UPDATE message SET status = 'queued', owner = NULL")
    return len(compose(claimed[0]).body)


async def run(database_url: str, arguments: argparse.Namespace, folder: Path, port: int) -> None:
    await migrate(database_url)
    await database.connect(database_url, pool_max=5)
    queue = Queue()
    await queue.prepare()
    composer = Composer(
        MessageTokens("a secret of the benchmark, long enough"),
        public_url="https://mail.example.com",
        mail_from="Records <news@example.com>",
    )
    size = await size_of_one(queue, composer)
    print(f"message {size} bytes")
    pool = SmtpPool(
        SmtpAccount(host="127.0.0.1", port=port, security="none", connections=arguments.connections)
    )
    profile = cProfile.Profile() if arguments.profile else None
    rates, ratios, costs = [], [], []
    # The first round warms caches, plans and partitions, and does not count.
    for number in range(arguments.rounds + 1):
        count = arguments.messages if number else 2000
        await queue.fill(count)
        await database.execute("VACUUM ANALYZE message")
        source = source_rate(port, count, size)
        if profile and number == arguments.rounds:
            profile.enable()
        cpu, began = time.process_time(), time.perf_counter()
        while await drain(pool, composer.prepare, folder):
            pass
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        if profile:
            profile.disable()
        left = await database.fetchval("SELECT count(*) FROM message WHERE status <> 'sent'")
        assert left == 0, f"{left} messages are not sent"
        rate, cost = count / seconds, cpu / count * 1e6
        print(
            f"round {number}: {rate:,.0f}/s, smtp-source {source:,.0f}/s, "
            f"ratio {rate / source:.2f}, {cost:.0f} µs CPU a message"
        )
        if number:
            rates.append(rate)
            ratios.append(rate / source)
            costs.append(cost)
    await pool.close()
    await database.disconnect()
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)
    print(
        json.dumps(
            {
                "messages": arguments.messages * arguments.rounds,
                "per_second": round(statistics.median(rates)),
                "cpu_us_per_message": round(statistics.median(costs), 1),
                "ratio_to_smtp_source": round(statistics.median(ratios), 2),
                "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "message_bytes": size,
                "rounds": arguments.rounds,
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--profile", action="store_true", help="where the last round's time goes")
    arguments = parser.parse_args()
    with (
        temporary_stores(durable=True) as stores,
        tempfile.TemporaryDirectory() as folder,
        sink() as port,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(run(stores.database_url, arguments, Path(folder), port))


if __name__ == "__main__":
    main()
