"""The generated parts of `docs/integrate/fspiop.md`: fields of messages, settings, accounts, error codes.

    python -m tests.docs.fspiop

writes them anew.
"""

import inspect
import json
import re
import textwrap
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from switch.fspiop import errors, messages, payment, settings

PAGE: Final = Path(__file__).parents[2] / "docs" / "integrate" / "fspiop.md"
_BLOCK: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """The page with its generated parts made anew."""
    parts = {"settings": _settings(), "fields": _fields(), "accounts": _accounts(), "reasons": _reasons()}
    return _BLOCK.sub(lambda found: f"{found[1]}{parts[found[2]]}\n{found[3]}", text)


def _settings() -> str:
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for prefix, part in (
        ("", settings.BridgeSettings),
        ("switch.", settings.SwitchPart),
        ("dfsp.", settings.DfspPart),
        ("routes.", settings.RoutePart),
    ):
        described = _described(part)
        for name, field in part.model_fields.items():
            if name in described:
                default = "required" if field.is_required() else _shown(field.default)
                rows.append(f"| `{prefix}{name}` | {default} | {described[name]} |")
    return "\n".join(rows)


def _described(part: type[BaseModel]) -> dict[str, str]:
    """Field -> the docstring below it."""
    source = textwrap.dedent(inspect.getsource(part))
    return dict(re.findall(r'^    (\w+): [^\n]+\n    """(.+?)"""', source, re.MULTILINE))


def _shown(default: object) -> str:
    return "none" if default is None else f"`{json.dumps(default)}`"


def _fields() -> str:
    tables = []
    for message in messages.MESSAGES.values():
        rows = [
            f"### {message.title}: {message.iso}",
            "",
            "| element | in FSPIOP | required | form | what the bridge does with it |",
            "|---|---|---|---|---|",
        ]
        for field in message.fields:
            path = field.path.replace("*", "PrvtId")
            name = "" if field.name == field.path else f"`{field.name}`"
            form = f"`{json.dumps(field.fixed)}`" if field.fixed is not None else field.form.describes
            rows.append(f"| `{path}` | {name} | {'yes' if field.required else ''} | {form} | {field.use} |")
        tables.append("\n".join(rows))
    return "\n\n".join(tables)


def _accounts() -> str:
    rows = ["| type | account |", "|---|---|"]
    rows += [f"| `{kind}` | {form} |" for kind, form in payment.ACCOUNTS.items()]
    return "\n".join(rows)


def _reasons() -> str:
    by_code: dict[errors.ErrorCode, list[str]] = {}
    for reason, code in errors.REASONS.items():
        by_code.setdefault(code, []).append(f"`{reason.value}`")
    rows = ["| code | ISO reasons |", "|---|---|"]
    rows += [f"| `{code.value}` | {', '.join(reasons)} |" for code, reasons in sorted(by_code.items())]
    rows.append(f"| `{errors.code_of(None).value}` | any other |")
    return "\n".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
