"""Operators of other libraries, taken in and handed out."""
