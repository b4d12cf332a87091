"""What relates articles to each other, worked out while indexing: neighbours, near-duplicates, series, classes."""
