"""The case browser: a static page on which test cases are looked through, the worst first."""
