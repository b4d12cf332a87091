"""What was meant by what was typed, and what is therefore found, suggested and marked.

From a query to candidates with one score: understanding it (diacritics, slips of the keys, abbreviations, synonyms),
looking by meaning and by words, and the passages that show why. Knows nothing of HTTP, pages or related lists.
"""
