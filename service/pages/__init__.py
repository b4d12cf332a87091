"""The HTML blueprint: each view parses, calls, and renders; what a page says is in `strings`, how in `templates`.

With `app`, `api` and `state` the only modules that know Flask.
"""

from service.pages import browsing, editing, entering, judging, operating, reading, signing_on, vocabulary
from service.pages.shared import blueprint

__all__ = [
    "blueprint",
    "browsing",
    "editing",
    "entering",
    "judging",
    "operating",
    "reading",
    "signing_on",
    "vocabulary",
]
