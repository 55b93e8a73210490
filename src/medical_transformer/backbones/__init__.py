"""A volume in, an encoding out."""
