"""Which articles belong under this one, or under this draft.

From seeds to the list under them, step by step, and why each article is in it or fell out. Knows nothing of Flask,
files or the words that a reader sees.
"""
