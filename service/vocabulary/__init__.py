"""The editors' words, tried and changed; the service does without it (`service.extras`).

Searches read the same files without this package.
"""
