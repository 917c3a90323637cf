"""Sign media when it is published, verify any copy later, and show where the copy differs."""
