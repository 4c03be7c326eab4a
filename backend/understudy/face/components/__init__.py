"""What finds, marks and recognises faces: one file for each library, and the registry of them."""
