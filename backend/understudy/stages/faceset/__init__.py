"""Stages that look into a faceset, tidy it, or hand it on."""
