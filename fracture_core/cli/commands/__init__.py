"""The commands, a module a subject; `COMMANDS` of each holds them by name."""
