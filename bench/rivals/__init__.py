"""What other ways to do the bridge's work cost on the same page and machine: the legacy pair, wppconnect, a raw loop.

They are installed from npm into this folder by `make rivals` alone, started by the bench, and never copied.
"""
