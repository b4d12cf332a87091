"""The gettext catalogues in `service/wording/`. `make words` brings them up to date with the code; a test compares.

`make words TO=fr` begins one. Babel keeps what is translated, marks as fuzzy what may fit a changed text, and
puts what is no longer used at the end of the file.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from service import wording
from service.wording.catalogue import LANGUAGES, SOURCE, Words, message_id, messages, path

HEADER = """\
# The words of Lienquan's pages. What is translated is the Vietnamese text; its context is `page.name`.
# Keep the {names} as they are: the service fills them in."""


def kinds() -> list[type[Words]]:
    """Return all classes of words, in the order of their modules."""
    names = [f"{wording.__name__}.{found.name}" for found in pkgutil.iter_modules(wording.__path__)]
    return [
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if inspect.isclass(value) and issubclass(value, Words) and value.__module__ == name and messages(value)
    ]


def comments(kind: type[Words]) -> dict[str, str]:
    """Return what the docstring of a class of words says of some of them."""
    said = re.findall(r"^:ivar (\w+): ((?:.|\n(?!:|$))*)", inspect.getdoc(kind) or "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in said}


def template() -> Catalog:
    """Return all messages, not translated."""
    catalog = Catalog(fuzzy=False)
    for kind in kinds():
        said = comments(kind)
        for key, text in messages(kind).items():
            comment = said.get(key.split(".")[1])
            catalog.add(message_id(text), context=key, auto_comments=[comment] if comment else [])
    return catalog


def updated(code: str) -> Catalog:
    """Return the catalogue of a language with the messages that the code has now."""
    made_of = path(code)
    if made_of.exists():
        with made_of.open("rb") as file:
            catalog = read_po(file, locale=code)
    else:
        people = {
            "last_translator": "the newsroom",
            "language_team": "the newsroom",
            "msgid_bugs_address": "the newsroom",
        }
        catalog = Catalog(code, project="Lienquan", header_comment=HEADER, fuzzy=False, **people)
    catalog.update(template(), update_creation_date=False)
    return catalog


def main(codes: list[str]) -> None:
    """Write the catalogues of these languages, or of all."""
    for code in codes or sorted({*LANGUAGES} - {SOURCE}):
        catalog = updated(code)
        with path(code).open("wb") as file:
            write_po(file, catalog, width=120, include_previous=True)


if __name__ == "__main__":
    main(sys.argv[1:])
