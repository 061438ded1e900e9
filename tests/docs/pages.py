"""What the documentation's pages hold: their blocks, and how each is to be run.

Above a block a comment may say:

- `<!-- keep: name = path.to.value, … -->`: after a `graphql` block, values of its answer by name.
- `<!-- ask as: name -->`: a `graphql` block with the kept token of that name, or as `nobody`.
- `<!-- file: name -->`: the block is a file in the folder that commands are run in.
- `<!-- work -->`: a line of its own: everything that is due is done, by the clock of the workers;
  `<!-- work: 86400 -->` moves that clock on by so many seconds before.
- `<!-- not run: reason -->`: the block is left alone, and counted.

A `json` block below a line `Variables:` belongs to the `graphql` block before it; a text `"<name>"`
in it is a value that was kept. One below a line `Answer:` is what the block before answers, at
least; `"…"` stands for anything but null.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
# What is decided is not for users, and is not ours to run.
PAGES = sorted(path for path in DOCS.rglob("*.md") if "decisions" not in path.parts)
_PART = re.compile(
    r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$"
    r"|^(?P<label>Answer|Variables):$"
    r"|^<!--\s*(?P<word>[a-z ]+?)(?::\s*(?P<rest>.*?))?\s*-->$",
    re.MULTILINE | re.DOTALL,
)
MARKS = {"keep", "ask as", "file", "work", "not run"}


@dataclass
class Block:
    """`kind` is the word after the fence; `work` for what is no block but a mark of its own."""

    kind: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)
    line: int = 0

    @property
    def is_run(self) -> bool:
        return "not run" not in self.marks


def blocks(path: Path) -> Iterator[Block]:
    source = path.read_text(encoding="utf-8")
    marks: dict[str, str] = {}
    for match in _PART.finditer(source):
        line = source.count("\n", 0, match.start()) + 1
        word = match["word"]
        if word == "work":
            yield Block("work", match["rest"] or "0", {}, line)
        elif match["label"] is not None:
            marks[match["label"].lower()] = ""
        elif word is not None:
            if word in MARKS:
                marks[word] = match["rest"] or ""
        else:
            yield Block(match["kind"], match["text"], marks, line)
            marks = {}


def commands(text: str) -> list[str]:
    """The commands of an `sh` block, lines that end in a backslash joined to the next."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
