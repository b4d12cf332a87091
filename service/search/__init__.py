"""Understands queries, and finds, suggests and marks accordingly.

From a query to candidates with one score: understanding (diacritics, typing slips, abbreviations, synonyms), dense and
lexical search, and the passages that show why. Knows nothing of HTTP, pages or related lists.
"""
