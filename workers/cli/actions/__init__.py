"""The functions behind the commands, each imported only when its command runs."""
