"""The demonstration: the main job from end to end, on pictures drawn by code or named by the user."""
