"""The two visual domains in which people are rendered."""

STUDIO, STREET = "studio", "street"
DOMAINS = (STUDIO, STREET)
