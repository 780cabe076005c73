"""The pages: what operators, regulators and participants see, rendered here, under `/console`.

Each request renders one page, and every page works without scripts. Pages use the same reads and the same
approvals as the API. A page module contains routes only; `shell` renders pages, checks who may see them, and
chooses the language.
"""
