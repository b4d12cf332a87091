"""What stands under articles today beside what Lienquan would show; the service does without it (`service.extras`).

Nothing imports it but its command and what the page of a block adds.
"""
