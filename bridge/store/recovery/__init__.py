"""Read a damaged SQLite file, and copy its readable rows."""
