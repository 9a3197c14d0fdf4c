"""Whether samples are as spread as they should be, and what to do where they are not."""
