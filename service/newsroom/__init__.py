"""What an editor's page on links holds, and what is done with its form.

The draft and its list, the block under an article and its rules, the newsroom's words, and the comparison with a list
of the newest. Knows nothing of Flask.
"""
