import fuzz_paths  # noqa: F401 - puts the rooms' tests within reach
