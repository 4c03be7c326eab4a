"""The stages: one file each, with one function ``run(settings, events) -> report``.

Only here are rooms wired together. A stage reports through its events and never prints; its report is plain JSON data.
"""
