"""Being here, this file puts ``made_people`` within reach of every room's tests."""
