"""All that a run trains with: network, optimizer, loss and the average of weights."""
