"""How true, steady and quick new faces from footage are, measured."""
