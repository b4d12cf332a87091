"""The content of readers' pages beside the hits.

A search's filters, pages and suggestions, the blocks around an article, its metadata, and the files that a page loads.
Knows nothing of Flask, nor of how articles are found.
"""
