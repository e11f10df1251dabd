"""Tables: a title, a header and rows of text, as plain text, Markdown or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastanchor._text import plain

__all__ = ["Table", "escaped"]


@dataclass(frozen=True)
class Table:
    """A table whose cells are text.

    Attributes
    ----------
    head : sequence of str
        One cell per column; in plain text its width is the least width of the column. Empty for no header.
    rows : sequence of sequences of str
    title : str, default ""
    align : str, default "lrr..."
        "l" for a column of words, "r" for one of numbers; the last letter counts for all columns after it.

    Examples
    --------
    >>> table = Table(("level", "boxes"), [("P3", "1,000"), ("P4", "20")], title="Levels")
    >>> print(table.text())
    Levels
    level  boxes
    P3     1,000
    P4        20
    >>> print(table.markdown())
    **Levels**
    <BLANKLINE>
    | level | boxes |
    |---|--:|
    | P3 | 1,000 |
    | P4 | 20 |
    >>> print(Table(("a < b",), [("<i>",)]).html())
    <div class="table"><table><thead><tr><th scope="col" class="text">a &lt; b</th></tr></thead><tbody>
    <tr><td class="text">&lt;i&gt;</td></tr>
    </tbody></table></div>
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    align: str = "lr"

    def _words(self, count: int) -> list[bool]:
        """Return which columns are words."""
        return [self.align[min(i, len(self.align) - 1)] == "l" for i in range(count)]

    def text(self, indent: str = "") -> str:
        """Return the table for a terminal, columns two blanks apart."""
        lines = [[plain(cell) for cell in line] for line in (self.head, *self.rows) if line]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        words = self._words(len(widths))
        shown = (
            "  ".join(
                cell.ljust(width) if word else cell.rjust(width)
                for cell, width, word in zip(line, widths, words, strict=True)
            )
            for line in lines
        )
        return "\n".join([*([self.title] if self.title else []), *((indent + line).rstrip() for line in shown)])

    def markdown(self) -> str:
        """Return the table in Markdown."""
        rule = "|".join("---" if word else "--:" for word in self._words(len(self.head)))
        title = [f"**{self.title}**", ""] if self.title else []
        rows = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in self.rows]
        return "\n".join([*title, f"| {' | '.join(self.head)} |", f"|{rule}|", *rows])

    def html(self) -> str:
        """Return the table in HTML, in a block that scrolls where the table is wider than the page."""
        title = f"<caption>{escaped(self.title)}</caption>" if self.title else ""
        kinds = [' class="text"' if word else "" for word in self._words(len(self.head))]
        head = "".join(
            f'<th scope="col"{kind}>{escaped(cell)}</th>' for kind, cell in zip(kinds, self.head, strict=True)
        )
        rows = [
            # an interval is broken in two lines, not in three
            "".join(f"<td{kind}>{escaped(cell).replace(' to ', '&nbsp;to ')}</td>"
                    for kind, cell in zip(kinds, row, strict=True))
            for row in self.rows
        ]  # fmt: skip
        body = "".join(f"<tr>{row}</tr>\n" for row in rows)
        return f'<div class="table"><table>{title}<thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'


def escaped(text: str) -> str:
    """Return text for HTML; characters that no page can contain become escapes.

    Examples
    --------
    >>> escaped('cat & "dog"')
    'cat &amp; &quot;dog&quot;'
    """
    import html

    return html.escape(plain(text, keep="\n"))
