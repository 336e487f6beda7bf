"""Thin coats over a `Gate` for programs that make pictures themselves: ASGI services, diffusers, ComfyUI.

Each says in its own words what it cannot cover. None of them imports the program it is for before it is used.
"""
