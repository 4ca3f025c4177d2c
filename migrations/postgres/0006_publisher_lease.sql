-- One instance at a time passes changes on to a target: two would overtake each other.
ALTER TABLE publishers ADD COLUMN worker TEXT;
ALTER TABLE publishers ADD COLUMN leased_until BIGINT NOT NULL DEFAULT 0;
