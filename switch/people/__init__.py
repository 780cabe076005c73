"""People: who may sign in, what each role may do, and changes that take two people."""
