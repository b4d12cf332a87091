"""The two indexes, dense and lexical: who writes and searches them, and what their scores mean."""
