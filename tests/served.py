"""The application behind a real server on a real port, for clients that need one."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from server.cli.processes import WEBSOCKET_FRAME_MAX_BYTES
from server.socket_protocol import SocketProtocol


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(
    app: ASGIApp,
    sockets: type[SocketProtocol] = SocketProtocol,
    listener: socket.socket | None = None,
) -> AsyncIterator[str]:
    """Serve with start-up and shut-down for the length of the block; yields `127.0.0.1:port`.

    The application connects this process to its database, so that the test may use it too.
    """
    listener = listener or socket.create_server(("127.0.0.1", 0))
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            lifespan="on",
            ws=sockets,
            ws_max_size=WEBSOCKET_FRAME_MAX_BYTES,
            timeout_graceful_shutdown=1,
        )
    )
    running = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            if running.done():
                await running
                raise RuntimeError("the server did not start")
            await asyncio.sleep(0.01)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
