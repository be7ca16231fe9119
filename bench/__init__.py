"""`make bench`: the figures that the bridge is to reach, measured on this machine beside the raw figures they stand on."""
