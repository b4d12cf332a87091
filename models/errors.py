"""The exceptions of this floor.

ModelError
└── ParityError
"""


class ModelError(Exception):
    """A model cannot be found, read, or made; the message says which, what was found and what was expected."""


class ParityError(ModelError):
    """A model answers, but not as its reference does."""
