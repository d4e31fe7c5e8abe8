"""Web page on loopback to edit templates: the file on the left, the message on the right, errors at their lines."""
