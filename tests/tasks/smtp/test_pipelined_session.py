"""What becomes of a message for each way in which a server can answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from domain.delivery.transport import Outcome, TransportUnavailableError, Verdict
from tasks.smtp.account import Pipelining, SmtpAccount
from tasks.smtp.pool import SmtpPool
from tests.tasks.smtp.ledger import MemoryOutbox, outgoing
from tests.tasks.smtp.scripted_server import DROP, HANG, Script, ScriptedServer, usual

pytestmark = pytest.mark.parametrize("pipelining", ["auto", "grouped", "off"])


@asynccontextmanager
async def pool_for(server: ScriptedServer, **changes: object) -> AsyncIterator[SmtpPool]:
    account = SmtpAccount(host="127.0.0.1", port=server.port, connections=1)
    pool = SmtpPool(replace(account, **changes))  # type: ignore[arg-type]
    try:
        yield pool
    finally:
        await pool.close()


def on(verb: str, recipient: str, answer: bytes) -> Script:
    """The usual answers, but this one for this recipient."""
    return lambda v, r: answer if (v, r) == (verb, recipient) else None


def once(verb: str, answer: bytes) -> Script:
    """The usual answers, but this one the first time the verb is met."""
    left = [answer]
    return lambda v, _: left.pop() if v == verb and left else None


def verdicts(outcomes: dict[int, Outcome]) -> dict[int, tuple[str, int]]:
    return {number: (o.verdict.value, o.code) for number, o in sorted(outcomes.items())}


async def send(
    pipelining: Pipelining, script: Script, count: int = 3, **changes: object
) -> tuple[ScriptedServer, MemoryOutbox]:
    outbox = MemoryOutbox([outgoing(n) for n in range(1, count + 1)])
    async with (
        ScriptedServer(script) as server,
        pool_for(server, pipelining=pipelining, **changes) as pool,
    ):
        await outbox.send_with(pool)
    return server, outbox


async def test_every_message_is_accepted_with_the_servers_reply(pipelining: Pipelining) -> None:
    server, outbox = await send(pipelining, usual)
    assert outbox.outcomes[2] == Outcome(
        outgoing(2).message_id, Verdict.ACCEPTED, 250, "250 2.0.0 taken"
    )
    assert verdicts(outbox.outcomes) == dict.fromkeys((1, 2, 3), ("accepted", 250))
    assert [(r.recipient, r.body) for r in server.received] == [
        (f"r{n}@example.com", outgoing(n).body) for n in (1, 2, 3)
    ]


async def test_commands_travel_in_groups_only_as_far_as_allowed(pipelining: Pipelining) -> None:
    server, _ = await send(pipelining, usual)
    assert server.largest_group == {"auto": 3, "grouped": 3, "off": 1}[pipelining]


async def test_a_server_without_pipelining_is_waited_for_at_each_step(
    pipelining: Pipelining,
) -> None:
    server, outbox = await send(
        pipelining, lambda verb, _: b"250 odd.example\r\n" if verb == "EHLO" else None
    )
    assert server.largest_group == 1
    assert verdicts(outbox.outcomes) == dict.fromkeys((1, 2, 3), ("accepted", 250))


@pytest.mark.parametrize(
    ("verb", "answer", "code"),
    [
        ("MAIL", b"550 5.7.1 not you\r\n", 550),
        ("MAIL", b"451 4.3.0 later\r\n", 451),
        ("RCPT", b"550-5.1.1 no such\r\n550 5.1.1 mailbox\r\n", 550),
        ("RCPT", b"450 4.2.1 greylisted\r\n", 450),
        ("RCPT", b"452 4.5.3 too many\r\n", 452),
        ("DATA", b"554 5.5.1 no\r\n", 554),
        ("DATA", b"451 4.3.0 later\r\n", 451),
        ("DOT", b"552 5.3.4 too big\r\n", 552),
        ("DOT", b"450 4.7.0 later\r\n", 450),
        ("DOT", b"421 4.7.0 later, all of you\r\n", 421),
    ],
)
async def test_a_refusal_meets_only_its_own_message(
    pipelining: Pipelining, verb: str, answer: bytes, code: int
) -> None:
    # MAIL comes before the recipient is known to the peer: refuse it once, the first message's.
    script = once(verb, answer) if verb == "MAIL" else on(verb, "r1@example.com", answer)
    _, outbox = await send(pipelining, script)
    assert verdicts(outbox.outcomes) == {
        1: ("refused", code),
        2: ("accepted", 250),
        3: ("accepted", 250),
    }


async def test_a_refused_recipient_with_data_opened_gets_a_lone_dot(
    pipelining: Pipelining,
) -> None:
    server, outbox = await send(pipelining, on("RCPT", "r2@example.com", b"550 no\r\n"))
    assert verdicts(outbox.outcomes)[2] == ("refused", 550)
    bodies = [(r.recipient, r.body) for r in server.received]
    empty = [] if pipelining == "off" else [("r2@example.com", b"")]
    whole = [(f"r{n}@example.com", outgoing(n).body) for n in (1, 3)]
    assert bodies == [whole[0], *empty, whole[1]]


async def test_a_refused_data_is_followed_by_rset(pipelining: Pipelining) -> None:
    server, _ = await send(pipelining, on("DATA", "r2@example.com", b"451 later\r\n"))
    envelope = ["MAIL", "RCPT", "DATA"]
    assert server.commands[0][1:] == [
        *envelope, "DOT", *envelope, "RSET", *envelope, "DOT", "QUIT",
    ]  # fmt: skip


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    "answer", [b"421 4.3.2 closing\r\n" + DROP, DROP, b"25" + DROP, b"rubbish\r\n", b"250 no\r\n"]
)
async def test_a_connection_lost_before_the_body_costs_nothing(
    pipelining: Pipelining, verb: str, answer: bytes
) -> None:
    if answer == b"250 no\r\n" and verb != "DATA":
        answer = b"354 too early\r\n"
    # The first message goes well, the second meets the trouble and goes out on a new connection.
    answers = [None, answer]

    def script(v: str, _: str) -> bytes | None:
        return answers.pop(0) if v == verb and answers else None

    server, outbox = await send(pipelining, script)
    assert verdicts(outbox.outcomes) == dict.fromkeys((1, 2, 3), ("accepted", 250))
    assert sorted(r.recipient for r in server.received) == [f"r{n}@example.com" for n in (1, 2, 3)]
    assert len(server.commands) == 2


@pytest.mark.parametrize("answer", [DROP, b"2" + DROP, b"rubbish\r\n", b"354 what\r\n"])
async def test_a_connection_lost_after_the_dot_leaves_the_message_in_doubt(
    pipelining: Pipelining, answer: bytes
) -> None:
    server, outbox = await send(pipelining, on("DOT", "r2@example.com", answer))
    assert verdicts(outbox.outcomes) == {
        1: ("accepted", 250),
        2: ("in_doubt", 0),
        3: ("accepted", 250),
    }
    assert sorted(r.recipient for r in server.received) == [f"r{n}@example.com" for n in (1, 2, 3)]


async def test_silence_after_the_dot_ends_in_doubt(pipelining: Pipelining) -> None:
    _, outbox = await send(
        pipelining, on("DOT", "r2@example.com", HANG), acceptance_timeout_seconds=0.1
    )
    assert verdicts(outbox.outcomes)[2] == ("in_doubt", 0)
    assert verdicts(outbox.outcomes)[3] == ("accepted", 250)


async def test_silence_before_the_body_is_safe_to_repeat(pipelining: Pipelining) -> None:
    _, outbox = await send(pipelining, once("RCPT", HANG), count=1, reply_timeout_seconds=0.1)
    assert verdicts(outbox.outcomes) == {1: ("not_handed_over", 0)}


async def test_a_message_that_always_breaks_the_connection_is_given_up(
    pipelining: Pipelining,
) -> None:
    _, outbox = await send(pipelining, on("RCPT", "r2@example.com", DROP))
    assert verdicts(outbox.outcomes)[2] == ("not_handed_over", 0)
    assert verdicts(outbox.outcomes)[1] == ("accepted", 250)


async def test_a_connection_carries_no_more_than_its_limit(pipelining: Pipelining) -> None:
    server, outbox = await send(pipelining, usual, count=7, messages_per_connection=3)
    assert [verbs.count("DOT") for verbs in server.commands] == [3, 3, 1]
    assert [verbs[-1] for verbs in server.commands] == ["QUIT"] * 3
    assert len(outbox.outcomes) == 7


async def test_dots_at_line_starts_arrive_as_they_were(pipelining: Pipelining) -> None:
    body = b".first\r\n.\r\n..two\r\nplain. \r\n.last"
    outbox = MemoryOutbox([outgoing(1, body=body), outgoing(2)])
    async with ScriptedServer() as server, pool_for(server, pipelining=pipelining) as pool:
        await outbox.send_with(pool)
    assert server.received[0].body == b"..first\r\n..\r\n...two\r\nplain. \r\n..last\r\n"
    assert server.received[1].body == outgoing(2).body


@pytest.mark.parametrize(
    "recipient",
    ["a@b\r\nRCPT TO:<evil@example.com>", "a b@example.com", "a@example.com>", "\x00@example.com"],
)
async def test_an_address_that_would_be_a_command_is_never_sent(
    pipelining: Pipelining, recipient: str
) -> None:
    outbox = MemoryOutbox([outgoing(1, recipient), outgoing(2)])
    async with ScriptedServer() as server, pool_for(server, pipelining=pipelining) as pool:
        await outbox.send_with(pool)
    assert verdicts(outbox.outcomes) == {1: ("refused", 553), 2: ("accepted", 250)}
    assert [r.recipient for r in server.received] == ["r2@example.com"]


@pytest.mark.parametrize("offered", [True, False])
async def test_an_address_outside_ascii_needs_smtputf8(
    pipelining: Pipelining, offered: bool
) -> None:
    def script(verb: str, _: str) -> bytes | None:
        return b"250-odd\r\n250 PIPELINING\r\n" if verb == "EHLO" and not offered else None

    outbox = MemoryOutbox([outgoing(1, "jürgen@example.com")])
    async with ScriptedServer(script) as server, pool_for(server, pipelining=pipelining) as pool:
        await outbox.send_with(pool)
    expected = ("accepted", 250) if offered else ("refused", 553)
    assert verdicts(outbox.outcomes) == {1: expected}
    assert [r.recipient for r in server.received] == ["jürgen@example.com"] * offered


@pytest.mark.parametrize(
    "banner", [b"554 go away\r\n", b"421 busy\r\n" + DROP, b"rubbish\r\n", DROP]
)
async def test_a_server_that_greets_badly_is_unavailable(
    pipelining: Pipelining, banner: bytes
) -> None:
    async with (
        ScriptedServer(lambda verb, _: banner if verb == "BANNER" else None) as server,
        pool_for(server, pipelining=pipelining) as pool,
    ):
        with pytest.raises(TransportUnavailableError):
            await pool.connect()
        with pytest.raises(TransportUnavailableError):
            await pool.connect()
        assert len(server.commands) == 1, "the second call rests instead of knocking again"


async def test_messages_that_wait_are_let_go_when_the_server_goes_away(
    pipelining: Pipelining,
) -> None:
    def script(verb: str, recipient: str) -> bytes | None:
        return DROP if verb == "MAIL" else None

    server, outbox = await send(pipelining, script, count=5)
    assert verdicts(outbox.outcomes) == dict.fromkeys(range(1, 6), ("not_handed_over", 0))
    assert len(server.commands) == 1


async def test_an_endless_reply_is_cut_off(pipelining: Pipelining) -> None:
    _, outbox = await send(pipelining, once("RCPT", b"250-" + b"x" * 40_000), count=1)
    assert verdicts(outbox.outcomes) == {1: ("not_handed_over", 0)}


async def test_a_connection_that_the_server_closed_while_idle_costs_nothing(
    pipelining: Pipelining,
) -> None:
    async with ScriptedServer() as server, pool_for(server, pipelining=pipelining) as pool:
        first, second = MemoryOutbox([outgoing(1)]), MemoryOutbox([outgoing(2)])
        await first.send_with(pool)
        server.hang_up()
        assert verdicts(await second.send_with(pool)) == {2: ("accepted", 250)}
    assert [r.recipient for r in server.received] == ["r1@example.com", "r2@example.com"]


async def test_an_idle_connection_is_left_with_a_quit(pipelining: Pipelining) -> None:
    outbox = MemoryOutbox([outgoing(1)])
    async with (
        ScriptedServer() as server,
        pool_for(server, pipelining=pipelining, idle_seconds=0.1) as pool,
    ):
        await outbox.send_with(pool)
        await asyncio.wait_for(asyncio.gather(*server.tasks), 10)
        assert server.commands[0][-1] == "QUIT"
        again = MemoryOutbox([outgoing(2)])
        assert verdicts(await again.send_with(pool)) == {2: ("accepted", 250)}
