"""Stages that look into a trained model, bring back what it was, or take it to other programs."""
