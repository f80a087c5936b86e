ALTER TABLE keystore.rotation DROP CONSTRAINT rotation_purpose_check;
DELETE FROM keystore.rotation WHERE purpose = 'ctx';
ALTER TABLE keystore.rotation ADD CONSTRAINT rotation_purpose_check CHECK (purpose IN ('enc', 'bidx', 'rowmac'));
