"""What the site has that its sources do not: the settings, out of `.env.example`."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

PLACE = "<!-- settings -->"
TABLE = ("| setting | default | meaning |", "|---|---|---|")
EXAMPLE = Path(__file__).parent.parent / ".env.example"
_SETTING = re.compile(r"^([A-Z_]+)=(.*)$")
_SECTION = re.compile(r"^# --- (.+?) -+$")


def settings_as_markdown(example: str) -> str:
    """A section for each of the file's, a table of its settings in it."""
    lines: list[str] = []
    said: list[str] = []
    for line in example.splitlines():
        if section := _SECTION.match(line):
            lines += [
                "",
                f"## {section[1]}",
                "",
                "| setting | default | meaning |",
                "|---|---|---|",
            ]
            said = []
        elif setting := _SETTING.match(line):
            default = f"`{setting[2]}`" if setting[2] else ""
            meaning = " ".join(said).replace("|", "\\|")
            lines.append(f"| `{setting[1]}` | {default} | {meaning} |")
            said = ["(as above)"]
        elif line.startswith("#"):
            if said == ["(as above)"]:
                said = []
            said.append(line.removeprefix("#").strip())
        else:
            said = []
    return "\n".join(lines)


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    del page, config, files
    if PLACE not in markdown:
        return markdown
    return markdown.replace(PLACE, settings_as_markdown(EXAMPLE.read_text(encoding="utf-8")))
