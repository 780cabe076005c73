"""The findings of rules."""

from dataclasses import dataclass
from typing import Any

Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule."""

    code: str
    path: str
    reason: str
    text: str
    warning: bool = False
    """Whether it is only a warning, not a reason for refusal."""
