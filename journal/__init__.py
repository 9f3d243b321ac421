"""Where every order and job stands; imports nothing of ours."""
