-- The limits of a lease, whose holder knows its id only.
CREATE INDEX slot_leases_id ON slot_leases (id);
