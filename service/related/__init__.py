"""Related lists: the articles that belong under an article or a draft.

From seeds to the list, step by step, and why each article is in it or was dropped. Knows nothing of Flask, files or the
page's text.
"""
