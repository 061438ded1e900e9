"""The mailbox as a client meets it: over SMTP and over HTTP, on real ports."""

import asyncio
import smtplib
import socket
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.mailbox import Mailbox
from server.mailbox.reading import headers, view

ENVELOPE = b"MAIL FROM:<bounce@shop.test>\r\nRCPT TO:<ann@example.com>\r\nDATA\r\n"


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox(tmp_path_factory.mktemp("mailbox") / "mails")
    await mailbox.start()
    yield mailbox
    await mailbox.stop()


@pytest.fixture
def mailbox(running: Mailbox) -> Mailbox:
    running.clear()
    return running


@pytest.fixture
async def http(mailbox: Mailbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=mailbox.url) as client:
        yield client


class Talk:
    """A raw SMTP conversation, so that a test decides what goes out in one write."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reply(self) -> list[str]:
        lines = []
        while True:
            line = (await self.reader.readline()).decode().rstrip("\r\n")
            lines.append(line)
            if line[3:4] != "-":
                return lines

    async def codes(self, count: int) -> list[str]:
        return [(await self.reply())[-1][:3] for _ in range(count)]

    def write(self, data: bytes) -> None:
        self.writer.write(data)


@pytest.fixture
async def talk(mailbox: Mailbox) -> AsyncIterator[Talk]:
    talk = Talk(*await asyncio.open_connection("127.0.0.1", mailbox.smtp_port))
    await talk.reply()
    talk.write(b"EHLO client.test\r\n")
    await talk.reply()
    yield talk
    talk.writer.close()
    await talk.writer.wait_closed()


def mail(
    subject: str = "Hello", to: str = "ann@example.com", html: str | None = None
) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "The Shop <shop@shop.test>"
    message["To"] = to
    message.set_content("Good morning\n")
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def deliver(mailbox: Mailbox, *messages: EmailMessage) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", mailbox.smtp_port) as client:
            for message in messages:
                client.send_message(message)

    await asyncio.to_thread(send)


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


async def test_list_is_paged_newest_first(mailbox: Mailbox, http: httpx.AsyncClient) -> None:
    await deliver(mailbox, *(mail(str(number)) for number in range(5)))
    first = (await http.get("/api/messages", params={"limit": 3})).json()
    assert [entry["subject"] for entry in first["messages"]] == ["4", "3", "2"]
    assert first["total"] == 5
    second = (
        await http.get("/api/messages", params={"limit": 3, "before": first["next_before"]})
    ).json()
    assert [entry["subject"] for entry in second["messages"]] == ["1", "0"]
    assert second["next_before"] is None


async def test_search_looks_into_recipient_and_subject(
    mailbox: Mailbox, http: httpx.AsyncClient
) -> None:
    await deliver(
        mailbox, mail("Welcome", to="ann@example.com"), mail("Ann is back", to="bob@example.com")
    )

    async def subjects(**query: str) -> list[str]:
        found = (await http.get("/api/messages", params=query)).json()
        return [entry["subject"] for entry in found["messages"]]

    assert await subjects(to="ANN@") == ["Welcome"]
    assert await subjects(subject="ann") == ["Ann is back"]
    assert await subjects(text="ann") == ["Ann is back", "Welcome"]
    assert await subjects(text="nobody") == []


@pytest.mark.parametrize("limit", ["0", "501", "-1", "ten", "1" * 5000, ""])
async def test_wrong_limits_are_named(http: httpx.AsyncClient, limit: str) -> None:
    answer = await http.get("/api/messages", params={"limit": limit})
    assert answer.status_code == 400
    assert answer.json() == {"error": "limit is a number from 1 to 500"}


async def test_one_mail_shows_headers_text_and_attachments(
    mailbox: Mailbox, http: httpx.AsyncClient
) -> None:
    message = mail("Grüße", html="<p>Good morning</p>")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename='a"<b>.pdf')
    await deliver(mailbox, message)
    mail_id = mailbox.messages()[0].id
    seen = (await http.get(f"/api/messages/{mail_id}")).json()
    assert seen["subject"] == "Grüße"
    assert seen["author"] == "The Shop <shop@shop.test>"
    assert seen["recipients"] == ["ann@example.com"]
    assert seen["text"].strip() == "Good morning"
    assert seen["has_html"] is True
    assert ["Subject", "Grüße"] in seen["headers"]
    assert seen["attachments"] == [
        {"name": 'a"<b>.pdf', "content_type": "application/pdf", "size_bytes": 4}
    ]
    download = await http.get(f"/api/messages/{mail_id}/attachments/0")
    assert download.content == b"%PDF"
    assert download.headers["content-disposition"] == "attachment; filename*=UTF-8''a%22%3Cb%3E.pdf"
    assert download.headers["content-type"] == "application/octet-stream"


async def test_html_comes_with_a_policy_that_forbids_scripts_and_sandboxes_it(
    mailbox: Mailbox, http: httpx.AsyncClient
) -> None:
    await deliver(
        mailbox,
        mail(html="<!doctype html><html><head><title>x</title></head><script>alert(1)</script>"),
    )
    answer = await http.get(f"/api/messages/{mailbox.messages()[0].id}/html")
    assert answer.text.startswith('<!doctype html><html><head><base target="_blank"><title>')
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; "
        "img-src 'self' data: http://127.0.0.1:* http://localhost:*; font-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )


async def test_embedded_pictures_are_shown_from_their_parts(
    mailbox: Mailbox, http: httpx.AsyncClient
) -> None:
    message = mail(html='<img src="cid:logo@shop"><img src="cid:none">')
    html_part = message.get_payload(1)
    assert isinstance(html_part, EmailMessage)
    html_part.add_related(b"GIF89a", "image", "gif", cid="<logo@shop>")
    await deliver(mailbox, message)
    mail_id = mailbox.messages()[0].id
    shown = (await http.get(f"/api/messages/{mail_id}/html")).text
    assert f'<img src="/api/messages/{mail_id}/attachments/0"><img src="cid:none">' in shown
    picture = await http.get(f"/api/messages/{mail_id}/attachments/0")
    assert (picture.content, picture.headers["content-type"]) == (b"GIF89a", "image/gif")


async def test_source_is_the_mail_as_it_came(
    mailbox: Mailbox, talk: Talk, http: httpx.AsyncClient
) -> None:
    body = b"Subject: \xff\r\n\r\n<script>alert(1)</script>\r\n"
    talk.write(ENVELOPE + body + b".\r\n")
    await talk.codes(4)
    mail_id = mailbox.messages()[0].id
    shown = await http.get(f"/api/messages/{mail_id}/source")
    assert shown.content == body
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert shown.headers["x-content-type-options"] == "nosniff"
    saved = await http.get(f"/api/messages/{mail_id}/source?download")
    assert saved.content == body
    assert saved.headers["content-type"] == "message/rfc822"
    assert saved.headers["content-disposition"] == f"attachment; filename*=UTF-8''{mail_id}.eml"


@pytest.mark.parametrize("path", ["", "/source", "/html", "/attachments/0"])
@pytest.mark.parametrize("mail_id", ["0000000000000000", "..%2F..%2Fetc%2Fpasswd"])
async def test_unknown_mails_are_not_found(
    http: httpx.AsyncClient, mail_id: str, path: str
) -> None:
    assert (await http.get(f"/api/messages/{mail_id}{path}")).status_code == 404


async def test_deleting_empties_the_folder_and_the_list(
    mailbox: Mailbox, http: httpx.AsyncClient
) -> None:
    await deliver(mailbox, mail("one"), mail("two"))
    assert (await http.delete("/api/messages")).json() == {"deleted": 2}
    assert (await http.get("/api/messages")).json()["messages"] == []
    assert names(mailbox.folder) == []


async def test_open_pages_are_told_of_new_mail_and_of_the_end(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    await mailbox.start()
    async with (
        httpx.AsyncClient(base_url=mailbox.url) as http,
        http.stream("GET", "/api/updates") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == 'data: {"total":0,"newest":null}'
        await deliver(mailbox, mail())
        assert await anext(lines) == ""
        mail_id = mailbox.messages()[0].id
        assert await anext(lines) == f'data: {{"total":1,"newest":"{mail_id}"}}'
        await mailbox.stop()
        assert [line async for line in lines] == [""]


async def test_a_request_under_another_host_name_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/messages", headers={"Host": "rebound.attacker.test"})
    assert answer.status_code == 400


async def test_page_allows_no_inline_script_and_no_other_origin(http: httpx.AsyncClient) -> None:
    answer = await http.get("/")
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; frame-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    for path in ("/mailbox.js", "/mailbox.css", "/icon.svg"):
        assert path in answer.text
        assert (await http.get(path)).status_code == 200


@settings(deadline=None)
@given(
    st.binary(max_size=400)
    | st.binary(max_size=200).map(
        lambda body: (
            b"Subject: =?utf-8?q?" + body + b"?=\r\nContent-Type: text/html; charset=" + body
        )
    )
)
def test_any_bytes_can_be_shown_as_json(content: bytes) -> None:
    seen = view(content)
    shown = [seen.html or "", seen.text or "", *(value for _, value in headers(content))]
    assert "".join(shown).encode()[:0] == b""


def test_a_mail_nested_without_end_is_shown_as_its_source() -> None:
    content = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (depth, depth)
        for depth in range(3000)
    )
    assert view(content).text == content.decode()
