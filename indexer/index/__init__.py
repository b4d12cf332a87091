"""The two indexes, dense and lexical: writing, searching, and the meaning of their scores."""
