"""The site is built from the pages without a broken link, and asks nothing of other hosts."""

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import DOCS

ROOT = DOCS.parent


def build(target: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_every_page_is_built_every_link_leads_somewhere_and_nothing_comes_from_elsewhere(
    tmp_path: Path,
) -> None:
    assert build(tmp_path) == ""
    built = {path.relative_to(tmp_path).with_suffix("") for path in tmp_path.rglob("*.html")}
    written = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")}
    assert written <= built
    for path in tmp_path.rglob("*"):
        if path.suffix == ".html":
            loads = re.findall(
                r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=.((?:https?:)?//[^\"']+)",
                path.read_text(encoding="utf-8"),
            )
            assert loads == [], path
        elif path.suffix == ".css":
            assert re.findall(r"url\([\"']?https?:", path.read_text(encoding="utf-8")) == [], path
    settings = (tmp_path / "operations" / "settings.html").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)
    assert re.findall(r"<tr>\s*<td><code>([A-Z_]+)</code></td>", settings) == names
