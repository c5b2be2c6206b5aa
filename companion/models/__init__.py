"""Networks written to be read, one file each."""
