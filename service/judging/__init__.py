"""How a query was understood, who found what for it, and how good that is.

What people judged, in an order that gives nothing away, and lists side by side. Knows nothing of Flask.
The service does without it (`service.extras`).
"""
