"""A page on loopback to edit templates by: the file left, the message right, what is wrong at its line."""
