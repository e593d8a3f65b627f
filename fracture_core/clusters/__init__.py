"""Runs whose process a cluster's scheduler starts, on whichever of its machines is free."""
