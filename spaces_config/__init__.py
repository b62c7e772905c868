"""The Hugging Face Space: front matter and how it is laid out."""
