ALTER TABLE {{ops}}.account DROP CONSTRAINT account_role_check;
ALTER TABLE {{ops}}.account ADD CONSTRAINT account_role_check CHECK (role IN
    ('clinic_admin', 'physician', 'nurse', 'receptionist', 'lab_technician', 'billing', 'privacy_officer'));
