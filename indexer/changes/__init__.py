"""What the API writes: the log of it, and what keeps an article that was taken down from coming back."""
