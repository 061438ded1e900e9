"""`/download/<token>`: files that a signed, short-lived link leads to, without a sign-in."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.audience.rejected_rows import read_rejected_rows
from domain.base import clock
from domain.base.settings import Settings
from server.notices import HEADERS, not_found

# Without this mark Excel takes a file for one in the machine's old code page.
_UTF8_MARK = b"\xef\xbb\xbf"


def download_routes(settings: Settings) -> list[Route]:
    async def download(request: Request) -> Response:
        token = request.path_params["token"]
        found = await read_rejected_rows(settings.secret_key, token, clock.now())
        if found is None:
            return not_found()
        filename = quote(found.filename, safe="")
        return Response(
            _UTF8_MARK + found.csv.encode(),
            media_type="text/csv",
            headers=HEADERS | {"Content-Disposition": f"attachment; filename*=UTF-8''{filename}"},
        )

    return [Route("/download/{token}", download)]
