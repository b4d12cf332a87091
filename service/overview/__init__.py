"""Views of an archive as a whole.

Its map, and the lists of findings on which an editor may act. Knows nothing of Flask, nor of how a map is made.
"""
