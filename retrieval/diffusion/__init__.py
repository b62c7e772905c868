"""A text-to-image prior, how it is asked, how it draws, and what it looks at while it draws."""
