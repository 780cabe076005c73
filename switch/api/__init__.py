"""The HTTP face: one door for ISO messages, plain reads beside it, problems for everything that fails."""
