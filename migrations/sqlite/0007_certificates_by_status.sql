-- The runner counts certificates by status, and looks for first ones that a limit holds back; the rows
-- themselves are large.
CREATE INDEX certificates_by_status ON certificates (status, key_type);
