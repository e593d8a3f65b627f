"""Settings: frozen records, every default with its unit and reason.

A config is data. It round-trips through JSON, refuses unknown keys and names the known ones. A
setting is declared once, at its field: the options of the command line, the range checks, the
printed commands, the form and the tables follow from it.
"""
