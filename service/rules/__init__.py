"""What the editors want of related lists, and what that does to one.

Their rules as lines, the file that holds them, and what those that are about a list do to it. Knows nothing of pages,
nor of how candidates are found.
"""
