"""Groups of runs: kept in a folder, started, stopped, resumed and deleted as one."""
