"""Small pages for people who come from a mail: no script, no cookie, nothing from elsewhere."""

import hashlib
from base64 import b64encode
from html import escape

from starlette.responses import HTMLResponse

_STYLE = """
:root { color-scheme: light dark; --ink: #16181d; --soft: #5a6170; --ground: #f3f4f7;
  --card: #ffffff; --line: #e1e4ea; --accent: #2f4bd8; --on-accent: #ffffff }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef3; --soft: #a3aab9; --ground: #12141a;
  --card: #1b1e26; --line: #2c313d; --accent: #8ea2ff; --on-accent: #12141a } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif }
main { width: 100%; max-width: 27rem; padding: 2.25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; overflow-wrap: anywhere }
h1 { margin: 0 0 .75rem; font-size: 1.375rem; line-height: 1.3; letter-spacing: -.01em }
p { margin: 0 0 1rem; color: var(--soft) }
p:last-child, form { margin: 0 }
strong { color: var(--ink); font-weight: 600 }
button { width: 100%; margin-top: .5rem; padding: .8rem 1rem; border: 0; border-radius: .6rem;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600;
  cursor: pointer }
button:hover { filter: brightness(1.08) }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px }
"""
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_PAGE_HEADERS = HEADERS | {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
}


def notice(
    title: str, paragraphs: list[str], *, status: int = 200, button: str | None = None
) -> HTMLResponse:
    """A page with a heading, paragraphs of HTML that is safe already, and a button that POSTs."""
    form = (
        '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
        f'<button type="submit">{escape(button)}</button></form>'
        if button is not None
        else ""
    )
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}{form}</main></body></html>"
    )
    return HTMLResponse(page, status, _PAGE_HEADERS)


def not_found() -> HTMLResponse:
    return notice(
        "This link leads nowhere",
        ["It may be incomplete, or the mail that it was in has been deleted."],
        status=404,
    )


def unavailable() -> HTMLResponse:
    """For what could not be recorded: nothing is acknowledged that may be lost."""
    page = notice(
        "Please try again in a moment",
        ["We could not take your request just now. Nothing was changed."],
        status=503,
    )
    page.headers["Retry-After"] = "5"
    return page
