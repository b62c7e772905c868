"""Numbers that can be believed: metrics defined once, tasks with versions, one harness for validation, README and
benchmark.
"""
