"""Routes of VTEX beside those that the workers use, so that other clients work unmodified."""
