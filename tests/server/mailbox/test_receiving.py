import asyncio
import signal
import smtplib
import socket
import sys
from pathlib import Path

import pytest

from server.mailbox import Mailbox
from server.mailbox.store import Store
from tests.server.mailbox.conversation import ENVELOPE, Talk, deliver, first_connection, mail, names


async def test_capabilities_of_the_server_are_announced(mailbox: Mailbox) -> None:
    talk = Talk(*await asyncio.open_connection("127.0.0.1", mailbox.smtp_port))
    await talk.reply()
    talk.write(b"EHLO client.test\r\n")
    assert await talk.reply() == [
        "250-mailbox.localhost",
        "250-PIPELINING",
        "250-SIZE 26214400",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-AUTH LOGIN PLAIN",
        "250 HELP",
    ]
    talk.writer.close()
    await talk.writer.wait_closed()


async def test_pipelined_mails_are_answered_in_order_and_none_is_lost(
    mailbox: Mailbox, talk: Talk
) -> None:
    bodies = [b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number) for number in range(50)]
    talk.write(ENVELOPE)
    for body in bodies[:-1]:
        assert await talk.codes(3) == ["250", "250", "354"]
        talk.write(body + b".\r\n" + ENVELOPE)
        assert await talk.codes(1) == ["250"]
    assert await talk.codes(3) == ["250", "250", "354"]
    talk.write(bodies[-1] + b".\r\nQUIT\r\n")
    assert await talk.codes(2) == ["250", "221"]
    assert [mailbox.source(kept.id) for kept in mailbox.messages()] == bodies


async def test_a_whole_conversation_in_one_write_works(mailbox: Mailbox, talk: Talk) -> None:
    talk.write((ENVELOPE + b"Subject: same\r\n\r\nbody\r\n.\r\n") * 20 + b"QUIT\r\n")
    assert await talk.codes(81) == ["250", "250", "354", "250"] * 20 + ["221"]
    assert [kept.subject for kept in mailbox.messages()] == ["same"] * 20


async def test_bytes_split_anywhere_make_the_same_mail(mailbox: Mailbox, talk: Talk) -> None:
    conversation = ENVELOPE + b"Subject: split\r\n\r\n..one\r\n.\r\n"
    for byte in conversation:
        talk.write(bytes([byte]))
        await talk.writer.drain()
    assert await talk.codes(4) == ["250", "250", "354", "250"]
    assert mailbox.source(mailbox.messages()[0].id) == b"Subject: split\r\n\r\n.one\r\n"


async def test_stuffed_dots_are_taken_out_once(mailbox: Mailbox, talk: Talk) -> None:
    talk.write(ENVELOPE + b"Subject: dots\r\n\r\n..\r\n...\r\na.b\r\n..end\r\n.\r\n")
    await talk.codes(4)
    assert (
        mailbox.source(mailbox.messages()[0].id)
        == b"Subject: dots\r\n\r\n.\r\n..\r\na.b\r\n.end\r\n"
    )


async def test_eight_bit_content_arrives_byte_for_byte(mailbox: Mailbox, talk: Talk) -> None:
    body = b"Subject: caf\xc3\xa9\r\n\r\n\xff\x00\xfe\r\n"
    talk.write(
        b"MAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<ann@example.com>\r\nDATA\r\n" + body + b".\r\n"
    )
    assert await talk.codes(4) == ["250", "250", "354", "250"]
    kept = mailbox.messages()[0]
    assert (kept.sender, kept.subject, mailbox.source(kept.id)) == ("", "café", body)


async def test_addresses_outside_ascii_are_kept(mailbox: Mailbox, talk: Talk) -> None:
    talk.write(
        "MAIL FROM:<ü@shop.test> SMTPUTF8\r\nRCPT TO:<анна@example.com>\r\nDATA\r\n".encode()
        + b"Subject: x\r\n\r\n\r\n.\r\n"
    )
    assert await talk.codes(4) == ["250", "250", "354", "250"]
    kept = mailbox.messages()[0]
    assert (kept.sender, kept.recipients) == ("ü@shop.test", ("анна@example.com",))


async def test_a_mail_over_the_size_limit_is_refused_and_the_next_one_kept(
    mailbox: Mailbox, talk: Talk
) -> None:
    talk.write(b"MAIL FROM:<a@shop.test> SIZE=26214401\r\n")
    assert await talk.codes(1) == ["552"]
    talk.write(ENVELOPE)
    assert await talk.codes(3) == ["250", "250", "354"]
    line = b"x" * 990 + b"\r\n"
    for _ in range(27):
        talk.write(line * 1000)
        await talk.writer.drain()
    talk.write(b".\r\n")
    assert await talk.codes(1) == ["552"]
    talk.write(ENVELOPE + b"Subject: small\r\n\r\n\r\n.\r\n")
    assert await talk.codes(4) == ["250", "250", "354", "250"]
    assert [kept.subject for kept in mailbox.messages()] == ["small"]


async def test_lines_over_998_bytes_are_refused_and_those_of_998_kept(
    mailbox: Mailbox, talk: Talk
) -> None:
    for length in (999, 998):
        talk.write(ENVELOPE + b"Subject: long\r\n\r\n" + b"x" * length + b"\r\n.\r\n")
    assert await talk.codes(8) == ["250", "250", "354", "500", "250", "250", "354", "250"]
    assert len(mailbox.source(mailbox.messages()[0].id)) == 1017


async def test_a_mail_without_content_and_one_that_begins_with_a_dot_are_kept(
    mailbox: Mailbox, talk: Talk
) -> None:
    talk.write(ENVELOPE + b".\r\n" + ENVELOPE + b"..dot\r\n.\r\n")
    assert await talk.codes(8) == ["250", "250", "354", "250"] * 2
    assert [mailbox.source(kept.id) for kept in mailbox.messages()] == [b"", b".dot\r\n"]


async def test_commands_before_their_time_are_refused(mailbox: Mailbox) -> None:
    talk = Talk(*await asyncio.open_connection("127.0.0.1", mailbox.smtp_port))
    talk.write(
        b"DATA\r\nHELO client\r\nDATA\r\nMAIL FROM:<a@shop.test>\r\nDATA\r\n"
        b"RCPT TO:<ann@example.com>\r\nDATA now\r\n"
    )
    assert await talk.codes(8) == ["220", "503", "250", "503", "250", "503", "250", "501"]
    talk.writer.close()
    await talk.writer.wait_closed()


async def test_a_connection_dropped_before_the_dot_leaves_no_mail(
    mailbox: Mailbox, talk: Talk
) -> None:
    talk.write(ENVELOPE + b"Subject: half\r\n\r\nhalf of it\r\n")
    await talk.codes(3)
    talk.writer.close()
    await talk.writer.wait_closed()
    await deliver(mailbox, mail("whole"))
    assert [kept.subject for kept in mailbox.messages()] == ["whole"]


async def test_a_refused_recipient_gets_the_given_reply_and_no_mail(tmp_path: Path) -> None:
    def refuse(recipient: str) -> str | None:
        return "550 5.1.1 No such user" if recipient.startswith("gone@") else None

    mailbox = Mailbox(tmp_path, refusal=refuse)
    await mailbox.start()
    talk = Talk(*await asyncio.open_connection("127.0.0.1", mailbox.smtp_port))
    await talk.reply()
    talk.write(
        b"HELO client\r\nMAIL FROM:<a@shop.test>\r\nRCPT TO:<gone@example.com>\r\n"
        b"RCPT TO:<ann@example.com>\r\nDATA\r\nSubject: x\r\n\r\n\r\n.\r\n"
    )
    assert await talk.codes(6) == ["250", "250", "550", "250", "354", "250"]
    assert mailbox.messages()[0].recipients == ("ann@example.com",)
    talk.writer.close()
    await talk.writer.wait_closed()
    await mailbox.stop()


async def test_any_password_opens_the_mailbox(mailbox: Mailbox) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", mailbox.smtp_port) as client:
            client.login("anyone", "anything")
            client.send_message(mail())

    await asyncio.to_thread(send)
    assert len(mailbox.messages()) == 1


async def test_a_mail_that_the_disk_refuses_is_answered_451(
    mailbox: Mailbox, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(mailbox.folder.rmdir)
    talk.write(ENVELOPE + b"Subject: x\r\n\r\n\r\n.\r\n")
    assert await talk.codes(4) == ["250", "250", "354", "451"]
    await asyncio.to_thread(mailbox.folder.mkdir)
    assert mailbox.messages() == []
    assert "A mail could not be stored" in caplog.messages


async def test_mail_outlives_a_restart_and_keeps_its_order(tmp_path: Path) -> None:
    first = Mailbox(tmp_path)
    await first.start()
    await deliver(first, mail("one"), mail("two", to="bob@example.com"))
    before = first.messages()
    await first.stop()
    (tmp_path / "0000000000000001.tmp").write_bytes(b"half a mail")

    second = Mailbox(tmp_path)
    await second.start()
    assert second.messages() == before
    assert [kept.subject for kept in before] == ["one", "two"]
    assert names(tmp_path) == [f"{kept.id}.mail" for kept in before]
    await second.stop()


async def test_only_the_newest_mails_are_kept(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path, keep=3)
    await mailbox.start()
    await deliver(mailbox, *(mail(str(number)) for number in range(5)))
    assert [kept.subject for kept in mailbox.messages()] == ["2", "3", "4"]
    assert len(names(tmp_path)) == 3
    await mailbox.stop()


async def test_waiting_ends_when_enough_mails_have_come(mailbox: Mailbox) -> None:
    waiting = asyncio.create_task(mailbox.wait_for(2, to="BOB@"))
    await deliver(
        mailbox, mail("a", to="bob@example.com"), mail("b"), mail("c", to="bob@example.com")
    )
    assert [kept.subject for kept in await waiting] == ["a", "c"]
    with pytest.raises(TimeoutError):
        await mailbox.wait_for(3, to="bob@", timeout_seconds=0.01)


async def test_a_taken_port_is_an_error_and_frees_the_other(
    mailbox: Mailbox, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        smtp_port = free.getsockname()[1]
    other = Mailbox(tmp_path / "other")
    with pytest.raises(OSError, match="in use"):
        await other.start(smtp_port=smtp_port, http_port=mailbox.http_port)
    socket.create_server(("127.0.0.1", smtp_port)).close()


async def test_the_process_stops_on_sigterm_with_its_mail_on_the_disk(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        smtp_port, http_port = one.getsockname()[1], two.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from server.mailbox import main;"
        " main('127.0.0.1', int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))",
        str(smtp_port),
        str(http_port),
        str(tmp_path),
    )
    talk = await first_connection(smtp_port)
    talk.write(b"HELO client\r\n" + ENVELOPE + b"Subject: last\r\n\r\n\r\n.\r\n")
    assert await talk.codes(6) == ["220", "250", "250", "250", "354", "250"]
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    talk.writer.close()
    await talk.writer.wait_closed()
    assert [kept.subject for kept in Store.open(tmp_path / "mailbox").all()] == ["last"]
