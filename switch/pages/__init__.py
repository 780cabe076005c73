"""The pages: what operators, regulators and participants see, rendered here, under `/console`.

One request, one page: every page works without scripts. What a page shows comes from the same reads as the
API's; what it changes goes through the same approvals. A page module has routes and nothing else; how a page
is rendered, who may see it, and in what language, is `shell`'s.
"""
