-- Context keys rotate like the others.
ALTER TABLE keystore.rotation DROP CONSTRAINT rotation_purpose_check;
ALTER TABLE keystore.rotation ADD CONSTRAINT rotation_purpose_check CHECK (purpose IN ('enc', 'bidx', 'rowmac', 'ctx'));
