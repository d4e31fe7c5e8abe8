"""The configuration in force: snapshot, start-up checks, reload."""
