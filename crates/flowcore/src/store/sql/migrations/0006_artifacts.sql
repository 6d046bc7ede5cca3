-- Listing, newest first.
CREATE INDEX artifacts_created ON artifacts (created, id);
