"""Stages that judge a converted sequence."""
