-- A link may give an account another address. `epoch`: the account's when the link was made, which is worthless once that
-- is another one; NULL: good whatever it is.
ALTER TABLE account_links DROP CONSTRAINT account_links_purpose_check;
ALTER TABLE account_links
    ADD CONSTRAINT account_links_purpose_check CHECK (purpose IN ('reset', 'verify', 'email')),
    ADD COLUMN epoch integer;
