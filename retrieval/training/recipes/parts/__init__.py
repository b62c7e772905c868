"""Ideas that recipes build on: teachers, starts and learners that are no method of their own. They import torch."""
