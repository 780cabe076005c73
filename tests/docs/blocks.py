"""Every fenced block of the documents, by page."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "loadtests").rglob("*.md")])
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One block: the page below the root, the line it begins in, the language and the file that it names."""

    page: str
    line: int
    language: str
    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> list[str]:
        """The lines of a shell's block, continued ones as one; of a console's those behind the prompt."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        if self.language == "console":
            return re.findall(r"^\$ (.+)$", joined, re.MULTILINE)
        return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def blocks() -> list[Block]:
    """All of them, in order."""
    return [block for page in PAGES for block in of_page(page)]


def of_page(page: Path) -> list[Block]:
    """Those of one page."""
    text = page.read_text(encoding="utf-8")
    assert text.count("\n```") % 2 == 0, page
    return [
        Block(
            page.relative_to(ROOT).as_posix(),
            text.count("\n", 0, found.start()) + 1,
            *(f"{found['info']} ".split(" ")[:2]),
            found["text"],
        )
        for found in _FENCE.finditer(text)
    ]
