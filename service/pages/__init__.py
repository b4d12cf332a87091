"""The HTML blueprint: each view parses, calls, and renders; what a page says is in `strings`, how in `templates`.

With `app`, `api` and `state` the only modules that know Flask. The views of parts that the service can do without are
added by `service.extras`.
"""

from service.pages import browsing, editing, entering, operating, reading, signing_on
from service.pages.shared import blueprint

__all__ = ["blueprint", "browsing", "editing", "entering", "operating", "reading", "signing_on"]
