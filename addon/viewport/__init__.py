"""What is drawn over the Image Editor: comparisons, the matte, the faces that were found."""

from .overlay import register, unregister

__all__ = ["register", "unregister"]
