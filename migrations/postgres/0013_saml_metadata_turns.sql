-- Which peers are due, account by account, is answered by the index alone: their rows hold documents.
DROP INDEX access_saml_metadata_by_due_at;
CREATE INDEX access_saml_metadata_by_due_at
    ON access_saml_metadata (due_at, account_id, object_id, leased_until);
