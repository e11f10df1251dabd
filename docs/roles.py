"""Docstrings name functions as Sphinx does, and the pages are Markdown: show the name alone."""

import re

import griffe

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?([^`]+)`")


class Roles(griffe.Extension):
    """Applied to every docstring."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Replace the roles in a docstring."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(r"`\1`", obj.docstring.value)
