"""The content of the editors' pages, and the handling of their forms.

The draft and its list, the block under an article and its rules. Knows nothing of Flask.
"""
