"""The pieces of pages and charts that stand alone."""
