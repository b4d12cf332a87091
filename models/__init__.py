"""Text in, unit vectors out. Knows nothing of articles, FAISS or HTTP."""
