"""Views of an archive as a whole.

Its map, and the lists of what an editor may act on. Knows nothing of Flask, nor of how a map is made.
The service does without it (`service.extras`).
"""
