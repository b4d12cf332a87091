"""How a query was understood, which retriever found what, and how good the lists are.

What people judged, in an order that gives nothing away, and lists side by side. Knows nothing of Flask.
The service does without it (`service.extras`).
"""
