"""The text of all pages: in Vietnamese here, in other languages in gettext catalogues (`en.po`).

A module for each kind of page; `strings` has the text of readers' pages and what all pages share, `catalogue` brings a
language's texts in. Knows nothing of what is shown.
"""
