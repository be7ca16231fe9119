"""`make bench`: the figures that the bridge is to reach, measured beside the raw figures of the same machine."""
