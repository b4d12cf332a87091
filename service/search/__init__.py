"""From a query that is understood to one page of hits: scope, candidates with one score, order, articles.

Knows nothing of HTTP, of pages, nor of related lists.
"""
