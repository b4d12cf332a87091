"""What was meant by what was typed: diacritics, slips of the keys, abbreviations, synonyms, English, suggestions.

From a reader's text to words for the index and a text for the encoder. Knows nothing of ranking, HTTP or pages.
"""
