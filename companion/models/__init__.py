"""Networks written to be read, one file each; `by_name` finds one by the name that torchvision has for it."""
