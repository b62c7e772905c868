"""One file per source of pictures. Each ends in a `PictureTable`, and raises DataError where nothing can be read."""
