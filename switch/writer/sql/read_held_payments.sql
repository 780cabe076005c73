-- read_held_payments: the UETRs of open payments that were reserved and not sent.
SELECT uetr FROM switch.open_payment WHERE state = 'RESERVED' ORDER BY number
