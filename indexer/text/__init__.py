"""Text on its way in: Unicode, markup, addresses, the encoded part, and the tokens of word search.

Pure functions: no input or output.
"""
