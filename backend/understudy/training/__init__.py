"""How a model learns: data on the device, augmentation, the loop, checkpoints."""
