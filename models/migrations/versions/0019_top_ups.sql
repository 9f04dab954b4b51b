ALTER TABLE ledger ADD COLUMN entry_number bigint;

-- Of what exists, a row takes the first entry that was written after it, within a minute and of the same two figures: both
-- were written in one transaction, under the account's lock. A row for which there is none goes on without.
UPDATE ledger SET entry_number = told.number FROM (
    SELECT DISTINCT ON (top_up.organisation_id, top_up.id) top_up.organisation_id, top_up.id, entry.number
      FROM ledger AS top_up
      JOIN activity_entries AS entry
        ON entry.organisation_id = top_up.organisation_id AND entry.resource_type = 'billing' AND entry.resource_id = 0
       AND entry.occurred_at BETWEEN top_up.at AND top_up.at + interval '1 minute'
       AND entry.changes -> 'balance_cents'
           = jsonb_build_array(top_up.balance_after_cents - top_up.amount_cents, top_up.balance_after_cents)
     WHERE top_up.kind = 'top_up'
     ORDER BY top_up.organisation_id, top_up.id, entry.number) AS told
 WHERE ledger.organisation_id = told.organisation_id AND ledger.id = told.id;

CREATE UNIQUE INDEX ledger_entry ON ledger (organisation_id, entry_number) WHERE entry_number IS NOT NULL;

GRANT INSERT (entry_number) ON ledger TO {app};
