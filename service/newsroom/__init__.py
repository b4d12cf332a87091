"""The content of the editors' pages, and the handling of their forms.

The draft and its list, the block under an article and its rules, the newsroom's vocabulary, and the comparison with a
list of the newest. Knows nothing of Flask.
"""
