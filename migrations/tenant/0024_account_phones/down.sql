ALTER TABLE {{ops}}.notice DROP COLUMN texted_at;
DROP TABLE {{ops}}.phone_change;
DROP TABLE {{ops}}.account_phone;
