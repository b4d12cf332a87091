"""Text on its way in: Unicode, markup, addresses, which part is encoded, and the tokens that word search counts.

Pure functions; they read and write nothing.
"""
