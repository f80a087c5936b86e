DROP TABLE {{ops}}.erasure;
DROP TABLE {{ops}}.legal_hold;
ALTER TABLE {{ops}}.patient DROP CONSTRAINT patient_state_check;
ALTER TABLE {{ops}}.patient ADD CONSTRAINT patient_state_check CHECK (state IN ('active', 'archived'));
