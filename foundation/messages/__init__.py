"""Every text for people: its code, its words and the next step, in one place."""
