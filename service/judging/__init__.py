"""How a query was understood, which retriever found what, and how good the lists are.

Judgements of people, who see articles in a neutral order, and lists side by side. Knows nothing of Flask.
"""
