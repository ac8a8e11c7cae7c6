"""One typed report, and what renders it."""
