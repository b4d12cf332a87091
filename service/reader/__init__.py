"""What a reader's page shows beside the hits.

A search's filters, pages and way out, the blocks around an article, what machines are told of it, and the files that a
page loads. Knows nothing of Flask, nor of how anything is found.
"""
