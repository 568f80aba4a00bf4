"""Writes the reference pages from the code, so that they cannot drift from it.

    python -m tools.reference

writes them into docs/reference; a test fails when they are not current.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tieout import errors
from tieout.billing.holds import HOLD_WORDS
from tieout.config import settings as process_settings
from tieout.config.schema import NAMES, json_schema
from tieout.connectors import base
from tieout.connectors.registry import connectors
from tieout.model.discrepancy import DiscrepancyClass
from tieout.reconcile.checks import CHECKS

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
_MADE = "<!-- Made by `make reference` from the code. Change the code, not this page. -->"
_MOST_CHOICES = 12


def page(title: str, text: str, *blocks: str) -> str:
    """A whole page: the notice, a title, a first paragraph, and the rest."""
    return "\n\n".join([_MADE, f"# {title}", text, *blocks]).rstrip() + "\n"


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; line breaks and bars in cells are made harmless."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    for row in rows:
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


# -- hold reasons -----------------------------------------------------------------------
def hold_reasons() -> str:
    """Why work is not on an invoice, and what to do about it."""
    rows = [
        (f"`{reason.value}`", words.meaning, words.what_to_do)
        for reason, words in HOLD_WORDS.items()
    ]
    text = (
        "Work that is not billed is held, and each hold says why. These are all the reasons "
        "a billing run gives."
    )
    return page("Why work is held", text, table(("Reason", "It means", "What to do"), rows))


# -- discrepancies ----------------------------------------------------------------------
def discrepancies() -> str:
    """What reconciliation can find, in the order of the report."""
    text = (
        "Reconciliation asks the questions below, in this order. Each difference it finds has a "
        "class, both sides' figures, an explanation and what to do. It keeps its identity from "
        "one run to the next, so the report tells what is new, what is still there and what "
        "is gone."
    )
    blocks = [_question(check) for check in CHECKS]
    classes = [(f"`{cls.value}`", cls.words) for cls in DiscrepancyClass]
    return page(
        "What reconciliation finds", text, table(("Class", "It is called"), classes), *blocks
    )


def _question(check: Callable[..., Any]) -> str:
    module = inspect.getmodule(check)
    title = inspect.cleandoc(module.__doc__ or "").splitlines()[0]
    codes, _, question = title.partition(": ")
    question = question[:1].upper() + question[1:]
    return f"## {question}\n\n**{codes}.** {inspect.cleandoc(check.__doc__ or '')}"


# -- the workspace ----------------------------------------------------------------------
def workspace() -> str:
    """Every setting of every file, with its default."""
    text = (
        "A workspace is a folder with the files below. `tieout check` reads all of them and lists "
        "every problem at once, with file and line. The folder `config` of the repository is a "
        "complete example with comments."
    )
    blocks = [_file(name) for name in NAMES]
    return page("The workspace", text, *blocks, _connectors(), _environment())


def _file(name: str) -> str:
    schema = json_schema(name)
    sections = [f"## `{NAMES[name]}`", _said(schema)]
    sections += list(_sections(schema, schema.get("$defs", {}), "", ()))
    return "\n\n".join(section for section in sections if section)


def _sections(
    section: Mapping[str, Any], defs: Mapping[str, Any], path: str, above: tuple[str, ...]
) -> Iterator[str]:
    """The tables of a section and of those within it, depth first."""
    required = section.get("required", [])
    rows, inner = [], []
    for name, setting in section.get("properties", {}).items():
        where = f"{path}.{name}" if path else name
        rows.append((f"`{name}`", _kind(setting, defs), _default(name, setting, required, defs),
                     _meaning(setting, defs)))  # fmt: skip
        inner += [(where + mark, ref) for mark, ref in _refs(setting, defs) if ref not in above]
    yield table(("Setting", "Value", "Default", "Meaning"), rows)
    for where, ref in inner:
        yield f"### `{where}`\n\n{_said(defs[ref])}"
        yield from _sections(defs[ref], defs, where, (*above, ref))


def _refs(setting: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The sections a setting holds, with how they are counted: none, `[]` or `.NAME`."""
    if "$ref" in setting:
        ref = setting["$ref"].rsplit("/", 1)[1]
        if "properties" in defs[ref]:
            yield "", ref
        yield from ((mark, one) for mark, one in _of_any(defs[ref], defs) if one != ref)
    if isinstance(setting.get("items"), dict):
        yield from (("[]" + mark, ref) for mark, ref in _refs(setting["items"], defs))
    if isinstance(setting.get("additionalProperties"), dict):
        inner = setting["additionalProperties"]
        yield from ((".NAME" + mark, ref) for mark, ref in _refs(inner, defs))
    yield from _of_any(setting, defs)


def _of_any(setting: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for choice in setting.get("anyOf", []):
        for mark, ref in _refs(choice, defs):
            if ref not in seen:
                seen.add(ref)
                yield mark, ref


def _kind(setting: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "$ref" in setting:
        target = defs[setting["$ref"].rsplit("/", 1)[1]]
        return _kind(target, defs) if "enum" in target else "section"
    if "const" in setting:
        return f"`{setting['const']}`"
    if "enum" in setting:
        return ", ".join(f"`{choice}`" for choice in setting["enum"][:_MOST_CHOICES])
    if "anyOf" in setting:
        return _either(setting, defs)
    kind = setting.get("type", "any")
    if kind == "array":
        return f"list of {_kind(setting.get('items', {}), defs)}"
    if kind == "object":
        return "by name"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return "date" if setting.get("format") == "date" else words.get(kind, kind)


def _either(setting: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    choices = [one for one in setting["anyOf"] if one.get("type") != "null"]
    if any(one.get("type") == "number" for one in choices):
        return "number"
    return " or ".join(dict.fromkeys(_kind(one, defs) for one in choices))


def _default(
    name: str, setting: Mapping[str, Any], required: list[str], defs: Mapping[str, Any]
) -> str:
    if name in required:
        return "needed"
    value = setting.get("default")
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return "none" if value in (None, "", []) and not _is_section(setting, defs) else ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{value}`"


def _is_section(setting: Mapping[str, Any], defs: Mapping[str, Any]) -> bool:
    ref = setting.get("$ref", "").rsplit("/", 1)[-1]
    return ref in defs and "properties" in defs[ref]


def _meaning(setting: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if setting.get("description"):
        return str(setting["description"])
    ref = setting.get("$ref", "").rsplit("/", 1)[-1]
    return str(defs.get(ref, {}).get("description", ""))


def _said(section: Mapping[str, Any]) -> str:
    return " ".join(str(section.get("description", "")).split())


def _connectors() -> str:
    blocks = [
        "## Settings and secrets of each connector",
        "They stand below `settings` and `secrets` of a connection in `tieout.yaml`. A secret is "
        "given as the NAME of an environment variable, never as a value.",
    ]
    for connector in connectors().values():
        rows = [
            (f"`{name}`", "needed" if info.is_required() else _plain(info.get_default()))
            for name, info in connector.settings.model_fields.items()
            if name not in base.Settings.model_fields
        ]
        blocks.append(f"### {connector.title} (`{connector.slug}`)")
        blocks.append(inspect.cleandoc(connector.settings.__doc__ or ""))
        blocks.append(table(("Setting", "Default"), rows) if rows else "It has no settings.")
        blocks.append(_secrets(connector))
    return "\n\n".join(blocks)


def _plain(value: object) -> str:
    if value is None or value in ("", ()):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _secrets(connector: base.Connector) -> str:
    auth = connector.auth
    needed = ", ".join(f"`{name}`" for name in auth.secrets)
    either = " or ".join(f"`{name}`" for name in auth.one_of)
    heard = ", ".join(f"`{name}`" for name in connector.heard_with)
    if needed or either:
        text = f"Secrets: {' and '.join(part for part in (needed, either) if part)}."
        return f"{text} For its notifications, where they are wanted: {heard}." if heard else text
    return "It has no secrets."


def _environment() -> str:
    """The process settings, out of the comments beside them."""
    found = re.findall(r"# (TIEOUT_\w+): (.+)", inspect.getsource(process_settings.Settings))
    rows = [(f"`{name}`", meaning[:1].upper() + meaning[1:]) for name, meaning in found]
    text = "These belong to the machine, not to the firm, so they are environment variables."
    return f"## The environment\n\n{text}\n\n{table(('Variable', 'Meaning'), rows)}"


# -- files ------------------------------------------------------------------------------
def file_layouts() -> str:
    """What an imported file may look like."""
    text = (
        "An imported CSV or Excel file is recognised by its columns, whose names are compared "
        "without case. These are the layouts that are known."
    )
    blocks = [
        f"## {layout.name[:1].upper()}{layout.name[1:]}\n\nIt is read as {layout.stream}.\n\n"
        + table(("Columns", "Names"), _columns(layout))
        for connector in connectors().values()
        for layout in connector.layouts
    ]
    return page("Files that can be imported", text, *blocks)


def _columns(layout: base.Layout) -> list[tuple[str, str]]:
    rows = [("needed", layout.columns), ("read when there", layout.optional)]
    return [(which, ", ".join(f"`{name}`" for name in names)) for which, names in rows if names]


# -- the command line -------------------------------------------------------------------
def command_line() -> str:
    """Every command with its arguments and options, and the exit codes."""
    from typer.main import get_command

    package = importlib.import_module("tieout.cli")
    root = get_command(package.app)
    text = (
        "Every command says with `--help` what is written here. Options before the command "
        "hold for all of them."
    )
    everywhere = table(("Option", "Meaning"), _parameters(root, "option"))
    blocks = [_command(name, command) for name, command in _commands(root, "tieout")]
    return page("The command line", text, everywhere, *blocks, _exit_codes(package))


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The commands of a group by what is typed, in the order of its help."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _command(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    shown = " ".join(_shown(one) for one in arguments)
    parts = [f"## `{name}{' ' + shown if shown else ''}`", inspect.cleandoc(command.help or "")]
    rows = _parameters(command, "argument") + _parameters(command, "option")
    if rows:
        parts.append(table(("Argument or option", "Meaning"), rows))
    return "\n\n".join(part for part in parts if part)


def _shown(argument: Any) -> str:
    name = str(argument.metavar or argument.name).upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _parameters(command: Any, kind: str) -> list[tuple[str, ...]]:
    return [
        (f"`{', '.join(_names(one))}`", _help(one))
        for one in command.params
        if one.param_type_name == kind and not getattr(one, "hidden", False)
        and not {"--install-completion", "--show-completion"} & set(one.opts)
    ]  # fmt: skip


def _names(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [_shown(parameter)]
    return [*parameter.opts, *parameter.secondary_opts]


def _help(parameter: Any) -> str:
    said = str(getattr(parameter, "help", "") or "")
    default = parameter.default
    tells = isinstance(default, str | int) and not isinstance(default, bool) and default != ""
    return f"{said} Default: `{default}`.".strip() if tells else said


def _exit_codes(package: Any) -> str:
    """Each code in the words beside it, and the errors that end with it."""
    source = inspect.getsource(package.ExitCode)
    rows = []
    for code in package.ExitCode:
        said = re.search(rf"^    {code.name} = \d+(?:  # (.+))?$", source, re.MULTILINE)
        words = (said and said[1]) or f"it is {code.name.lower()}"
        ended = [
            f"`{one.__name__}`" for one in _errors() if package.exit_code_of(_instance(one)) == code
        ]
        rows.append((f"`{int(code)}`", f"{words[:1].upper()}{words[1:]}.", ", ".join(ended)))
    return f"## Exit codes\n\n{table(('Code', 'Meaning', 'Errors'), rows)}"


def _errors() -> list[type[errors.TieoutError]]:
    """The errors that are raised, without the two that only group others."""
    groups = (errors.TieoutError, errors.RemoteError)
    found = [getattr(errors, name) for name in errors.__all__]
    return [
        one
        for one in found
        if isinstance(one, type) and issubclass(one, errors.TieoutError) and one not in groups
    ]


def _instance(cls: type[errors.TieoutError]) -> errors.TieoutError:
    return cls("", wait_s=0.0) if issubclass(cls, errors.RateLimited) else cls("")


# -- all of them ------------------------------------------------------------------------
PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": command_line,
    "hold-reasons.md": hold_reasons,
    "discrepancies.md": discrepancies,
    "workspace.md": workspace,
    "files.md": file_layouts,
}


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every page into a folder, replacing older ones; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, made in PAGES.items():
        (folder / name).write_text(made(), encoding="utf-8")
        written.append(folder / name)
    return written


if __name__ == "__main__":
    for file in write():
        sys.stdout.write(f"{file.relative_to(ROOT)}\n")
