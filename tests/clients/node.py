"""The TypeScript client's own tools: npm's packages, the compiler, Node."""

import asyncio
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "clients" / "typescript"
_INSTALLED = CLIENT / "node_modules" / ".installed"
OLDEST_NODE = 20
# Below what a test has in all, so that what was written until then is told.
PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Ended:
    code: int
    output: str


async def run(*command: str, **environment: str) -> Ended:
    """Run a command in the client's folder to its end; output and errors come as one text."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=CLIENT,
        env={**os.environ, "NO_COLOR": "1", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in process.stdout:
                lines.append(line.decode())  # noqa: PERF401  kept when time runs out
            code = await process.wait()
    except TimeoutError:
        pytest.fail(f"{' '.join(command)} did not end: {''.join(lines)}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(code, "".join(lines))


async def succeed(*command: str, **environment: str) -> str:
    ended = await run(*command, **environment)
    assert ended.code == 0, ended.output
    return ended.output


async def install() -> None:
    """What the lock names is in `node_modules`; skips the test where that cannot be had."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        _cannot(f"{' and '.join(missing)} missing: install Debian's packages `nodejs` and `npm`")
    version = await succeed("node", "--version")
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        _cannot(f"Node is {version.strip()}, and {OLDEST_NODE} is the oldest that will do")
    lock = hashlib.sha256((CLIENT / "package-lock.json").read_bytes()).hexdigest()
    if _INSTALLED.exists() and _INSTALLED.read_text() == lock:
        return
    installed = await run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
    if installed.code:
        _cannot(f"npm cannot install the client's packages: {installed.output}")
    _INSTALLED.write_text(lock)


def _cannot(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
