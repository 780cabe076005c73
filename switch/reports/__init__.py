"""Reports for regulators, settlement officers and participants.

    rows (one SQL statement, `sql/`)  ->  Report (one module per report, a pure function)
                                      ->  bytes (`render/`: JSON, CSV, XLSX, PDF, SDMX-CSV)
                                      ->  artefact (`artefacts`: named by its hash, signed, stored)

A report reads the ledger up to a sequence number that it states. The log is append-only, so the same request
always gives the same bytes. `catalogue` lists the reports. `service.make` creates a report, and records in
the audited log who requested it before it returns anything.
"""
