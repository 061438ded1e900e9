from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.mailbox import Mailbox
from server.mailbox.reading import headers, view
from tests.server.mailbox.conversation import ENVELOPE, Talk, deliver, mail, names


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
