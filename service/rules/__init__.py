"""The editors' rules of related lists, and their effects.

Rules as lines, the file that holds them, and their effects on a list. Knows nothing of pages, nor of how candidates are
found.
"""
