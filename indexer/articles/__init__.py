"""The article, and the files that hold articles: the store, the columns of filters, summaries, owners of vectors."""
