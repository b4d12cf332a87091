"""What an editor's page on links holds, and what is done with its form.

The draft and its list, the block under an article and its rules. Knows nothing of Flask.
"""
