"""Read a damaged SQLite file, and copy what is left of it."""
