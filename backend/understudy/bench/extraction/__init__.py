"""How faces are found, followed and curated, measured."""
