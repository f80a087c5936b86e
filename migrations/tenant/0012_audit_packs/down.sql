DROP TABLE {{ops}}.audit_pack;
