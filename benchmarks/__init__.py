"""One script per claim; each writes a file under results/."""
