"""Faces: reading pictures, detection, meshes, tracks across shots, who speaks."""
