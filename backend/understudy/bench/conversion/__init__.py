"""How true, steady and quick a conversion is, measured."""
