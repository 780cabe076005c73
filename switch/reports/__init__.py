"""Reports for regulators, settlement officers and participants.

    rows (one SQL statement, `sql/`)  ->  Report (one module a report, a pure function)
                                      ->  bytes (`render/`: JSON, CSV, XLSX, PDF, SDMX-CSV)
                                      ->  artefact (`artefacts`: named by its hash, signed, written down)

A report reads the ledger up to a sequence number that it states. The log is only ever added to, so the same
question gives the same bytes for ever. `catalogue` is the list of reports; `service.make` makes one, and
writes who asked for what into the audited log before it hands anything out.
"""
